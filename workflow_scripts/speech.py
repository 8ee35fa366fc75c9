"""Gather the speech of a target speaker."""

from pathlib import Path

from sanguinaria.steps.target_speech import gather_from_corpus, gather_from_file
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    destination = Path(snakemake.output.audio)
    if specification["file"] is not None:
        gather_from_file(Path(specification["file"]), specification["seconds"], destination, specification["skip"])
    else:
        gather_from_corpus(
            Path(snakemake.input.index[0]),
            [Path(path) for path in snakemake.input.audio],
            specification["utterance"],
            specification["speaker"],
            specification["seconds"],
            destination,
            specification["skip"],
            specification["split"],
        )
