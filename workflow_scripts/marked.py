"""Embed a watermark into a sample of the test utterances of one shard."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.benchmarks.marked import mark_audio
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    mark_audio(
        weights=Path(snakemake.input.weights),
        secret=specification["secret"],
        strength=specification["strength"],
        seed=specification["seed"],
        mark=snakemake.params.mark,
        shard=Path(snakemake.input.audio),
        index=Path(snakemake.input.index),
        limit=specification["limit"],
        destination=Path(snakemake.output.audio),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
