"""Compute what a front end makes of one shard."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.features import extract
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    extract(
        Path(snakemake.input.audio),
        plugins.build("front_ends", specification["front_end"]),
        Path(snakemake.output.features),
        devices.prepare(snakemake.threads),
    )
