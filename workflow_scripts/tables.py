"""Reduce rows of scores to an experiment's tables, and lay the wide one out."""

from pathlib import Path

from sanguinaria.jobs import job
from sanguinaria.reports.layout import write_layouts
from sanguinaria.reports.tables import write_tables

with job(snakemake) as specification:
    table = Path(snakemake.output.table)
    write_tables(specification["rows"], specification["bounds"], table, Path(snakemake.output.metrics))
    write_layouts(table, Path(snakemake.output.markdown), Path(snakemake.output.latex))
