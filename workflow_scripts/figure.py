"""Draw a figure from tables."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.reports.curves import write_figure
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.provenance import job_with_provenance

with job_with_provenance(snakemake) as specification:
    write_figure(
        specification,
        paths(snakemake.input.tables),
        paths(snakemake.input.metrics),
        points=Path(snakemake.output.points),
        svg=Path(snakemake.output.svg),
        png=Path(snakemake.output.png),
    )
