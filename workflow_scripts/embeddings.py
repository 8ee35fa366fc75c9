"""Compute the speaker embeddings of utterances."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.verification.embeddings import embed_audio
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    embed_audio(
        plugins.build("victims", specification["victim"]),
        model=optional_path(snakemake.input.model),
        shards=paths(snakemake.input.audio),
        destination=Path(snakemake.output.rows),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
