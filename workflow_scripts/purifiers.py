"""Train a purifier."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.core.run_environment import write_environment
from sanguinaria.purifiers import Sources
from sanguinaria.purifiers._weights import save_weights
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    device = devices.prepare(snakemake.threads, snakemake.resources.gpu)
    weights = Path(snakemake.output.weights)
    save_weights(
        plugins.build("purifiers", specification["purifier"]),
        Sources(
            tuple(map(Path, snakemake.input.audio)),
            weights.with_name("unfinished"),
            device,
            tuple(map(Path, snakemake.input.attacked)),
            next(map(Path, snakemake.input.trials), None),
            tuple(map(Path, snakemake.input.texts)),
        ),
        weights,
        Path(snakemake.output.training),
    )
    write_environment(Path(snakemake.output.environment), device)
