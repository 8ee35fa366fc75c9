"""Measure how far attacked and defended utterances are from clean ones."""

from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.steps.probe_quality import score_probes
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_probes(
        plugins.build("metrics", specification["metric"]),
        Path(snakemake.input.trials),
        specification["side"],
        specification["per_trial"],
        specification["limit"],
        [Path(path) for path in snakemake.input.clean],
        [Path(path) for path in snakemake.input.audio],
        Path(snakemake.output.rows),
    )
