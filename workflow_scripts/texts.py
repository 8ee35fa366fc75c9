"""Transcribe utterances."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.texts import transcribe
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    transcribe(
        plugins.build("texts", specification["text"]),
        shards=paths(snakemake.input.audio),
        splits=specification["splits"],
        maxima=specification["maxima"],
        index=next(iter(paths(snakemake.input.index)), None),
        destination=Path(snakemake.output.rows),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
