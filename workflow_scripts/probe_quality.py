"""Score the audio quality of attacked and defended probes."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.steps.verification.probe_quality import score_probes
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    score_probes(
        plugins.build("metrics", specification["metric"]),
        trials=Path(snakemake.input.trials),
        side=specification["side"],
        per_trial=specification["per_trial"],
        limit=specification["limit"],
        clean=paths(snakemake.input.clean),
        audio=paths(snakemake.input.audio),
        destination=Path(snakemake.output.rows),
    )
