"""Extract the features of one shard."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.features import extract_features
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    extract_features(
        Path(snakemake.input.audio),
        plugins.build("front_ends", specification["front_end"]),
        destination=Path(snakemake.output.features),
        device=devices.prepare(snakemake.threads),
    )
