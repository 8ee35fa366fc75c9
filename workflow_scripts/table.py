"""Reduce the rows of an evaluation to its tables, and write their layouts."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.reports.evaluation import write_evaluation
from sanguinaria.workflow.provenance import job_with_provenance

with job_with_provenance(snakemake) as specification:
    write_evaluation(
        specification,
        wide=Path(snakemake.output.table),
        metrics=Path(snakemake.output.metrics),
        paired=Path(snakemake.output.differences),
        runs=Path(snakemake.output.runs),
        markdown=Path(snakemake.output.markdown),
        latex=Path(snakemake.output.latex),
    )
