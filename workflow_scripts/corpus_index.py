"""Collect the rows and remarks of a corpus's shards."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.corpora import build_index
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job
from sanguinaria.workflow.located_corpus import located_corpus

with job(snakemake) as specification:
    build_index(
        located_corpus(specification, Path(snakemake.output.index)),
        shards=paths(snakemake.input.audio),
        remarks=paths(snakemake.input.remarks),
        index=Path(snakemake.output.index),
        report=Path(snakemake.output.report),
        labels=Path(snakemake.output.labels),
    )
