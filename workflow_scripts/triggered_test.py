"""Apply a trigger to the test utterances of one shard."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.triggered import trigger_test
from sanguinaria.workflow.arguments import optional_path
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    trigger_test(
        plugins.build("triggers", specification["trigger"]),
        weights=optional_path(snakemake.input.weights),
        shard=Path(snakemake.input.audio),
        destination=Path(snakemake.output.audio),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
