"""Detect a trigger with its own detector."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.detections import detect_trigger
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    detect_trigger(
        plugins.build("triggers", specification["trigger"]),
        weights=optional_path(snakemake.input.weights),
        shards=paths(snakemake.input.audio),
        split=snakemake.params.split,
        destination=Path(snakemake.output.rows),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
