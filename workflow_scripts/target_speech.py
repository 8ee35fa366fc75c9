"""Write the speech of a target speaker."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.target_speech import gather_target_speech
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    gather_target_speech(
        file=specification["file"],
        utterance=specification["utterance"],
        speaker=specification["speaker"],
        split=specification["split"],
        seconds=specification["seconds"],
        skip=specification["skip"],
        index=optional_path(snakemake.input.index),
        shards=paths(snakemake.input.audio),
        destination=Path(snakemake.output.audio),
    )
