"""Choose a corpus's trials."""

from pathlib import Path

from sanguinaria.steps.trials import write_trials
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    chosen = specification["trials"]
    write_trials(
        Path(snakemake.input.index),
        None if chosen["list"] is None else Path(chosen["list"]),
        chosen["count"],
        chosen["seed"],
        Path(snakemake.output.table),
        specification["split"],
    )
