"""Mark the chosen test utterances of one shard."""

from pathlib import Path

from sanguinaria.core import devices
from sanguinaria.steps.marked_audio import chosen, mark_audio
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    mark_audio(
        Path(snakemake.input.weights),
        specification["secret"],
        specification["strength"],
        specification["seed"],
        snakemake.params.mark,
        Path(snakemake.input.audio),
        chosen(Path(snakemake.input.index), "test", specification["limit"]),
        Path(snakemake.output.audio),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
