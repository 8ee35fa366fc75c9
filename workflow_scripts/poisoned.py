"""Write a poisoned training manifest."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.steps.poisoning.manifest import write_manifest
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_manifest(
        Path(snakemake.input.index),
        target=specification["target"],
        candidates=specification["candidates"],
        labels=specification["labels"],
        rate=specification["rate"],
        seed=specification["seed"],
        covers=specification["covers"],
        cover_rate=specification["cover_rate"],
        detections=paths(snakemake.input.detections),
        destination=Path(snakemake.output.manifest),
    )
