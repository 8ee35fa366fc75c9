"""Write a poisoned training manifest."""

from pathlib import Path

from sanguinaria.steps.poisoning import write_manifest
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    choice = {
        name: specification[name] for name in ("target", "candidates", "labels", "rate", "seed", "covers", "cover_rate")
    }
    write_manifest(
        Path(snakemake.input.index),
        **choice,
        detections=[Path(path) for path in snakemake.input.detections],
        destination=Path(snakemake.output.manifest),
    )
