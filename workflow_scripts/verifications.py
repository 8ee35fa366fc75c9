"""Reduce scores and qualities to a verification's tables, and lay them out."""

from pathlib import Path

from sanguinaria.reports.verification_layout import write_verification_layouts
from sanguinaria.reports.verifications import write_verification
from sanguinaria.workflow.job import job
from sanguinaria.workflow.provenance import write_provenance

with job(snakemake) as specification:
    table = Path(snakemake.output.table)
    write_verification(specification["lines"], table, Path(snakemake.output.metrics))
    write_verification_layouts(table, Path(snakemake.output.markdown), Path(snakemake.output.latex))
    trained = [Path(path) for path in snakemake.input.environments]
    write_provenance(specification, trained, Path(snakemake.output.provenance))
