"""Obtain the weights of a watermark's generator and detector."""

from pathlib import Path

from sanguinaria import plugins
from sanguinaria.jobs import job
from sanguinaria.marking import save_weights

with job(snakemake) as specification:
    save_weights(plugins.build("watermarks", specification["watermark"]), Path(snakemake.output.weights))
