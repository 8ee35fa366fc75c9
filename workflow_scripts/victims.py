"""Train a victim on a poisoned manifest."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.jobs import job
from sanguinaria.surroundings import write_surroundings
from sanguinaria.training import train_victim

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
    write_surroundings(Path(snakemake.output.surroundings), device)
