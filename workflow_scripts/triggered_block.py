"""Apply a trigger to one block of the training utterances that may be poisoned."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.poisoning_order import PoisonBlock
from sanguinaria.steps.triggered_audio import trigger_block
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    trigger_block(
        plugins.build("triggers", specification["trigger"]),
        next(map(Path, snakemake.input.weights), None),
        PoisonBlock(**specification["block"]),
        Path(snakemake.input.index),
        [Path(path) for path in snakemake.input.audio],
        Path(snakemake.output.audio),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
