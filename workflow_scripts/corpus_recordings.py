"""List the recordings of a corpus."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.corpora import list_recordings
from sanguinaria.workflow.job import job
from sanguinaria.workflow.located_corpus import located_corpus

with job(snakemake) as specification:
    list_recordings(located_corpus(specification, Path(snakemake.output.recordings)), Path(snakemake.output.recordings))
