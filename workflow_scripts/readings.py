"""Detect marks and decode messages after distortions."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.benchmarks.readings import detect_marks
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    detect_marks(
        weights=Path(snakemake.input.weights),
        secrets=specification["secrets"],
        distortions=[plugins.build("distortions", settings) for settings in specification["distortions"]],
        shards=paths(snakemake.input.audio),
        index=Path(snakemake.input.index),
        split=specification["split"],
        limit=specification["limit"],
        seed=snakemake.params.seed,
        marks=snakemake.params.marks,
        destination=Path(snakemake.output.rows),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
