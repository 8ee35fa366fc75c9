"""Apply a trigger to one block of the training utterances that may be poisoned."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.jobs import job
from sanguinaria.poisoning_order import PoisonBlock
from sanguinaria.triggering import trigger_block

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
