"""Reduce the rows of an evaluation to its tables, and lay the wide one out."""

from pathlib import Path

from sanguinaria.reports.evaluation import write_evaluation
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    write_evaluation(
        specification,
        wide=Path(snakemake.output.table),
        metrics=Path(snakemake.output.metrics),
        markdown=Path(snakemake.output.markdown),
        latex=Path(snakemake.output.latex),
    )
    trained = [Path(path) for path in snakemake.input.environments]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
