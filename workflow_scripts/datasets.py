"""Write one shard of a poisoned training set."""

from pathlib import Path

from sanguinaria.steps.datasets import write_training_shard
from sanguinaria.workflow.job import job

with job(snakemake):
    write_training_shard(
        Path(snakemake.input.audio),
        Path(snakemake.input.manifest),
        [Path(path) for path in snakemake.input.blocks],
        [Path(path) for path in snakemake.input.covers],
        Path(snakemake.output.audio),
    )
