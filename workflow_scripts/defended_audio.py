"""Pass the test audio of one shard through a defence."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.defended_audio import defend_audio
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    defend_audio(
        plugins.build("defences", specification["defence"]),
        next(map(Path, snakemake.input.weights), None),
        [Path(path) for path in snakemake.input.texts],
        Path(snakemake.input.audio),
        Path(snakemake.output.audio),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
