"""Write the computational cost of a benchmark's watermarks."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.reports.evaluation import write_efficiency
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_efficiency(specification, Path(snakemake.output.table))
