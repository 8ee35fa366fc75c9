"""Train a victim on a poisoned manifest."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.victims import train_victim
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    train_victim(
        plugins.build("victims", specification["victim"]),
        seed=specification["seed"],
        index=Path(snakemake.input.index),
        manifest=Path(snakemake.input.manifest),
        clean=paths(snakemake.input.clean),
        poison=paths(snakemake.input.poison),
        covers=paths(snakemake.input.covers),
        model=Path(snakemake.output.model),
        history=Path(snakemake.output.history),
        environment=Path(snakemake.output.environment),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
