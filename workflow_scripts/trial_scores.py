"""Score trials by the cosine similarity of their embeddings."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.verification.trial_scores import score_trials
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_trials(
        trials=Path(snakemake.input.trials),
        probes=paths(snakemake.input.probes),
        others=paths(snakemake.input.others),
        side=specification["side"],
        per_trial=specification["per_trial"],
        destination=Path(snakemake.output.rows),
    )
