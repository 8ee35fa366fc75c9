"""Draw the spectrograms of an utterance."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.reports.spectrograms import write_spectrograms
from sanguinaria.workflow.provenance import job_with_provenance

with job_with_provenance(snakemake) as specification:
    write_spectrograms(
        specification["pictures"],
        specification["trial"],
        specification["bands"],
        Path(snakemake.output.svg),
        Path(snakemake.output.png),
    )
