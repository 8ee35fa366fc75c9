"""Apply a trigger to one block of the poisoning order of the training utterances."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.poisoning.blocks import PoisonBlock
from sanguinaria.steps.triggered import trigger_block
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    trigger_block(
        plugins.build("triggers", specification["trigger"]),
        weights=optional_path(snakemake.input.weights),
        block=PoisonBlock(**specification["block"]),
        index=Path(snakemake.input.index),
        shards=paths(snakemake.input.audio),
        destination=Path(snakemake.output.audio),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
