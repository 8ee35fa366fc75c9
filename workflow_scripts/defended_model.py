"""Apply a model defence to a trained model."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.defended_model import repair_model
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    repair_model(
        plugins.build("defences", specification["defence"]),
        specification["epochs"],
        model=Path(snakemake.input.model),
        index=Path(snakemake.input.index),
        clean_features=paths(snakemake.input.held_out),
        seed=snakemake.params.seed,
        destination=Path(snakemake.output.models),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
