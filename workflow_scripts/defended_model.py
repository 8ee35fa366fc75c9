"""Pass a trained model through a defence."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.defended_models import repair_model
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    repair_model(
        plugins.build("defences", specification["defence"]),
        Path(snakemake.input.model),
        Path(snakemake.input.index),
        [Path(path) for path in snakemake.input.held_out],
        snakemake.params.seed,
        Path(snakemake.output.model),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
