"""Score the audio quality of triggered utterances."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.steps.quality import score_quality
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_quality(
        plugins.build("metrics", specification["metric"]),
        clean=paths(snakemake.input.clean),
        triggered=paths(snakemake.input.triggered),
        index=Path(snakemake.input.index),
        limit=specification["limit"],
        target=optional_path(snakemake.input.target),
        destination=Path(snakemake.output.rows),
    )
