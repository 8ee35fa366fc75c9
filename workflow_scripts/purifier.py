"""Train a purifier."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.purifiers import train_purifier
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    train_purifier(
        plugins.build("purifiers", specification["purifier"]),
        audio=paths(snakemake.input.audio),
        attacked=paths(snakemake.input.attacked),
        trials=optional_path(snakemake.input.trials),
        texts=paths(snakemake.input.texts),
        weights=Path(snakemake.output.weights),
        training=Path(snakemake.output.training),
        environment=Path(snakemake.output.environment),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
