"""Score trials by their embeddings."""

from pathlib import Path

from sanguinaria.steps.verification import score_trials
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_trials(
        Path(snakemake.input.trials),
        [Path(path) for path in snakemake.input.probes],
        [Path(path) for path in snakemake.input.others],
        specification["side"],
        specification["per_trial"],
        Path(snakemake.output.rows),
    )
