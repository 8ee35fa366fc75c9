"""Obtain the weights of a watermark's generator and detector, or train them."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.core.run_environment import write_environment
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._weights import save_weights
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    device = devices.prepare(snakemake.threads, snakemake.resources.gpu)
    weights = Path(snakemake.output.weights)
    save_weights(
        plugins.build("watermarks", specification["watermark"]),
        Sources(
            tuple(Path(path) for path in snakemake.input.audio),
            next(map(Path, snakemake.input.base), None),
            weights.with_name("unfinished"),
            device,
        ),
        weights,
        Path(snakemake.output.training),
    )
    write_environment(Path(snakemake.output.environment), device)
