"""Embed some shards' utterances."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.verification import embed_audio
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    model = next(iter(snakemake.input.model), None)
    embed_audio(
        plugins.build("victims", specification["victim"]),
        None if model is None else Path(model),
        [Path(path) for path in snakemake.input.audio],
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
