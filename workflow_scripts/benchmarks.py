"""Reduce readings, qualities and costs to a benchmark's tables, and lay them out."""

from pathlib import Path

from sanguinaria.reports.benchmark_layout import write_benchmark_layouts
from sanguinaria.reports.benchmarks import write_benchmark
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    table, share = Path(snakemake.output.table), specification["false_positive_rate"]
    efficiency = Path(snakemake.output.efficiency)
    write_benchmark(specification["lines"], share, table, Path(snakemake.output.metrics), efficiency)
    write_benchmark_layouts(table, share, Path(snakemake.output.markdown), Path(snakemake.output.latex))
    trained = [Path(path) for path in snakemake.input.environments]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
