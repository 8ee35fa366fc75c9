"""Compare an evaluation with the numbers printed in a paper."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.reports.comparison import write_comparison
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_comparison(
        specification,
        wide=Path(snakemake.input.table),
        metrics=Path(snakemake.input.metrics),
        destination=Path(snakemake.output.table),
        markdown=Path(snakemake.output.markdown),
    )
