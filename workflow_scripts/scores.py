"""Classify test utterances with a trained model."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.scores import score_model
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_model(
        Path(snakemake.input.model),
        specification["epochs"],
        clean=paths(snakemake.input.clean),
        triggered=paths(snakemake.input.triggered),
        index=Path(snakemake.input.index),
        target=specification["target"],
        destination=Path(snakemake.output.rows),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
