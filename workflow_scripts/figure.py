"""Draw a figure from tables."""

from pathlib import Path

from sanguinaria.reports.curves import write_figure
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    write_figure(
        specification,
        [Path(path) for path in snakemake.input.tables],
        [Path(path) for path in snakemake.input.metrics],
        points=Path(snakemake.output.points),
        svg=Path(snakemake.output.svg),
        png=Path(snakemake.output.png),
    )
    write_provenance(specification, [], Path(snakemake.output.provenance))
