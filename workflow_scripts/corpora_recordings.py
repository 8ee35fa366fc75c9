"""List the recordings of a corpus."""

from pathlib import Path

from sanguinaria import plugins
from sanguinaria.building import list_recordings
from sanguinaria.jobs import job

with job(snakemake) as specification:
    list_recordings(plugins.build("corpora", specification["corpus"]), Path(snakemake.output.recordings))
