"""Reduce rows of scores to an experiment's tables, and lay the wide one out."""

from pathlib import Path

from sanguinaria.reports.layout import write_layouts
from sanguinaria.reports.tables import write_tables
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    table = Path(snakemake.output.table)
    write_tables(specification["lines"], specification["bounds"], table, Path(snakemake.output.metrics))
    write_layouts(table, Path(snakemake.output.markdown), Path(snakemake.output.latex))
    trained = [Path(path) for path in snakemake.input.environments]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
