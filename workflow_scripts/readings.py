"""Read the marks of some utterances after distortions."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.embedding import chosen
from sanguinaria.jobs import job
from sanguinaria.reading import read_marks

with job(snakemake) as specification:
    read_marks(
        Path(snakemake.input.weights),
        specification["secrets"],
        [plugins.build("distortions", settings) for settings in specification["distortions"]],
        [Path(path) for path in snakemake.input.audio],
        chosen(Path(snakemake.input.index), specification["split"], specification["limit"]),
        snakemake.params.seed,
        snakemake.params.marks,
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
