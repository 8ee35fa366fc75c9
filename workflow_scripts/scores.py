"""Let a trained model classify test utterances."""

from pathlib import Path

from sanguinaria import devices
from sanguinaria.jobs import job
from sanguinaria.scoring import score_model

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
