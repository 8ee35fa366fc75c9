"""Draw a figure from a table."""

from pathlib import Path

from sanguinaria.reports.curves import write_figure
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    write_figure(
        specification["figure"],
        specification["rows"],
        [Path(path) for path in snakemake.input.tables],
        [Path(path) for path in snakemake.input.metrics],
        Path(snakemake.output.points),
        Path(snakemake.output.svg),
        Path(snakemake.output.png),
    )
    write_provenance(specification, [], Path(snakemake.output.provenance))
