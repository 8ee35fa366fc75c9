"""Measure the computational cost of a watermark's embedding and detection."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.benchmarks.efficiency import measure_efficiency
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    measure_efficiency(
        weights=Path(snakemake.input.weights),
        secret=specification["secret"],
        shards=paths(snakemake.input.audio),
        destination=Path(snakemake.output.row),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
