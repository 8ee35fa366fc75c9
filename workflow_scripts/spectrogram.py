"""Draw the spectrograms of an utterance."""

from pathlib import Path

from sanguinaria.reports.spectrograms import write_spectrograms
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    write_spectrograms(
        specification["pictures"],
        specification["trial"],
        specification["bands"],
        Path(snakemake.output.svg),
        Path(snakemake.output.png),
    )
    trained = [Path(path) for path in snakemake.input.environments]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
