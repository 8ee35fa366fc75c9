"""Draw the spectrograms of an utterance."""

from pathlib import Path

from sanguinaria.jobs import job
from sanguinaria.provenance import write_provenance
from sanguinaria.reports.spectrograms import write_spectrograms

with job(snakemake) as specification:
    write_spectrograms(
        specification["pictures"],
        specification["trial"],
        specification["bands"],
        Path(snakemake.output.svg),
        Path(snakemake.output.png),
    )
    trained = [Path(path) for path in snakemake.input.surroundings]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
