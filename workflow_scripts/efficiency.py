"""Measure what marking and detecting cost."""

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.efficiency import measure_efficiency
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    measure_efficiency(
        Path(snakemake.input.weights),
        specification["secret"],
        [Path(path) for path in snakemake.input.audio],
        Path(snakemake.output.row),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
