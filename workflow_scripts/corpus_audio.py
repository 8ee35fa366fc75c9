"""Convert the recordings of one shard of a corpus."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.corpora import build_shard
from sanguinaria.workflow.corpus_locations import located_corpus
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    build_shard(
        located_corpus(specification, Path(snakemake.output.audio)),
        recordings=Path(snakemake.input.recordings),
        shard=int(snakemake.params.shard),
        audio=Path(snakemake.output.audio),
        remarks=Path(snakemake.output.remarks),
    )
