"""Embed some shards' utterances."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.jobs import job
from sanguinaria.verifying import embed_audio

with job(snakemake) as specification:
    model = next(iter(snakemake.input.model), None)
    embed_audio(
        plugins.build("victims", specification["victim"]),
        None if model is None else Path(model),
        [Path(path) for path in snakemake.input.audio],
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
