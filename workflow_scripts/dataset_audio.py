"""Write one shard of a poisoned training set."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.datasets.training_shards import write_training_shard
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake):
    write_training_shard(
        shard=Path(snakemake.input.audio),
        manifest=Path(snakemake.input.manifest),
        blocks=paths(snakemake.input.blocks),
        covers=paths(snakemake.input.covers),
        destination=Path(snakemake.output.audio),
    )
