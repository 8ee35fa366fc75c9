"""Reduce rows of scores to an experiment's tables."""

from pathlib import Path

from sanguinaria.jobs import job
from sanguinaria.reports.tables import write_tables

with job(snakemake) as specification:
    write_tables(specification["rows"], Path(snakemake.output.table), Path(snakemake.output.metrics))
