"""Train a victim on a poisoned manifest."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.core.run_environment import write_environment
from sanguinaria.steps.victims import train_victim
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    device = devices.prepare(snakemake.threads, snakemake.resources.gpu)
    train_victim(
        plugins.build("victims", specification["victim"]),
        specification["seed"],
        Path(snakemake.input.index),
        Path(snakemake.input.manifest),
        [Path(path) for path in snakemake.input.clean],
        [Path(path) for path in snakemake.input.poison],
        [Path(path) for path in snakemake.input.covers],
        Path(snakemake.output.model),
        Path(snakemake.output.history),
        device,
    )
    write_environment(Path(snakemake.output.environment), device)
