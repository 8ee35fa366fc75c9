"""Read the marks of some utterances after distortions."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.marked_audio import chosen
from sanguinaria.steps.readings import read_marks
from sanguinaria.workflow.job import job

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
