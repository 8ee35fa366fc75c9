"""Apply an input defence to the test audio of one shard."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.defended_audio import defend_audio
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    defend_audio(
        plugins.build("defences", specification["defence"]),
        weights=optional_path(snakemake.input.weights),
        texts=paths(snakemake.input.texts),
        shard=Path(snakemake.input.audio),
        destination=Path(snakemake.output.audio),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
