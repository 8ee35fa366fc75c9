"""Download, read or train the weights of a watermark's generator and detector."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.steps.watermarks import obtain_watermark
from sanguinaria.workflow.arguments import optional_path, paths
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    obtain_watermark(
        plugins.build("watermarks", specification["watermark"]),
        audio=paths(snakemake.input.audio),
        base=optional_path(snakemake.input.base),
        weights=Path(snakemake.output.weights),
        training=Path(snakemake.output.training),
        environment=Path(snakemake.output.environment),
        device=devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
