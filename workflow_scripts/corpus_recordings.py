"""List the recordings of a corpus."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.steps.corpora import list_recordings
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    list_recordings(plugins.build("corpora", specification["corpus"]), Path(snakemake.output.recordings))
