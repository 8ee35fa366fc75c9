"""Score trials by their embeddings."""

from pathlib import Path

from sanguinaria.jobs import job
from sanguinaria.verifying import score_trials

with job(snakemake) as specification:
    score_trials(
        Path(snakemake.input.trials),
        [Path(path) for path in snakemake.input.probes],
        [Path(path) for path in snakemake.input.others],
        specification["side"],
        specification["per_trial"],
        Path(snakemake.output.rows),
    )
