"""Gather the rows and remarks of a corpus's shards."""

from pathlib import Path

from sanguinaria.steps.corpora import build_index
from sanguinaria.workflow.job import job

with job(snakemake):
    build_index(
        [Path(path) for path in snakemake.input.audio],
        [Path(path) for path in snakemake.input.remarks],
        Path(snakemake.output.index),
        Path(snakemake.output.report),
    )
