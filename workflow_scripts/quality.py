"""Measure how far triggered utterances are from clean ones."""

from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.steps.quality import score_quality
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_quality(
        plugins.build("metrics", specification["metric"]),
        [Path(path) for path in snakemake.input.clean],
        [Path(path) for path in snakemake.input.triggered],
        Path(snakemake.input.index),
        specification["limit"],
        Path(snakemake.output.rows),
        next(map(Path, snakemake.input.target), None),
    )
