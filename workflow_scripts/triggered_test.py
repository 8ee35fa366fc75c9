"""Apply a trigger to the test utterances of one shard."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.triggered_audio import trigger_test
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    trigger_test(
        plugins.build("triggers", specification["trigger"]),
        next(map(Path, snakemake.input.weights), None),
        Path(snakemake.input.audio),
        Path(snakemake.output.audio),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
