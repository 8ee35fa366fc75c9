"""Write down what is said in a part of the audio."""

from pathlib import Path

from sanguinaria import devices, plugins
from sanguinaria.hearing_texts import write_texts
from sanguinaria.jobs import job

with job(snakemake) as specification:
    write_texts(
        plugins.build("texts", specification["text"]),
        [Path(path) for path in snakemake.input.audio],
        specification["splits"],
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
