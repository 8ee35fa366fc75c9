"""Convert the recordings of one shard of a corpus."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.corpora import build_shard
from sanguinaria.workflow.job import job
from sanguinaria.workflow.located_corpus import located_corpus

with job(snakemake) as specification:
    build_shard(
        located_corpus(specification, Path(snakemake.output.audio)),
        recordings=Path(snakemake.input.recordings),
        shard=int(snakemake.params.shard),
        audio=Path(snakemake.output.audio),
        remarks=Path(snakemake.output.remarks),
    )
