"""Look for a trigger with its own detector."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.detections import detect
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    detect(
        plugins.build("triggers", specification["trigger"]),
        next(map(Path, snakemake.input.weights), None),
        [Path(path) for path in snakemake.input.audio],
        snakemake.params.split,
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
