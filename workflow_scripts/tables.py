"""Reduce rows of scores to an experiment's tables, and lay the wide one out."""

from pathlib import Path

from sanguinaria.jobs import job
from sanguinaria.provenance import write_provenance
from sanguinaria.reports.layout import write_layouts
from sanguinaria.reports.tables import write_tables

with job(snakemake) as specification:
    table = Path(snakemake.output.table)
    write_tables(specification["lines"], specification["bounds"], table, Path(snakemake.output.metrics))
    write_layouts(table, Path(snakemake.output.markdown), Path(snakemake.output.latex))
    trained = [Path(path) for path in snakemake.input.surroundings]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
