"""Compute the log-mel spectrograms of one shard."""

from pathlib import Path

from sanguinaria import devices
from sanguinaria.features import extract
from sanguinaria.jobs import job
from sanguinaria.victims import LogMel

with job(snakemake) as specification:
    extract(
        Path(snakemake.input.audio),
        LogMel(**specification["log_mel"]),
        Path(snakemake.output.features),
        devices.prepare(snakemake.threads),
    )
