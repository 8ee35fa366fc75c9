"""Write the trials of a corpus."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.verification.trials import write_trials
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_trials(
        index=Path(snakemake.input.index),
        trial_list=specification["trials"]["list"],
        count=specification["trials"]["count"],
        seed=specification["trials"]["seed"],
        split=specification["split"],
        destination=Path(snakemake.output.table),
    )
