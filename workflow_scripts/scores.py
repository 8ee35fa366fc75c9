"""Let a trained model classify test utterances."""

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.scores import score_model
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_model(
        Path(snakemake.input.model),
        [Path(path) for path in snakemake.input.clean],
        [Path(path) for path in snakemake.input.triggered],
        Path(snakemake.input.index),
        specification["target"],
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads),
    )
