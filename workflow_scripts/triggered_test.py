"""Apply a trigger to the test utterances of one shard."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.jobs import job
from sanguinaria.triggering import trigger_test

with job(snakemake) as specification:
    trigger_test(
        plugins.build("triggers", specification["trigger"]),
        next(map(Path, snakemake.input.weights), None),
        Path(snakemake.input.audio),
        Path(snakemake.output.audio),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
