"""Write down what is said in a part of the audio."""

from pathlib import Path

from sanguinaria.core import devices, plugins
from sanguinaria.texts._transcription import write_texts
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_texts(
        plugins.build("texts", specification["text"]),
        [Path(path) for path in snakemake.input.audio],
        specification["splits"],
        Path(snakemake.output.rows),
        devices.prepare(snakemake.threads, snakemake.resources.gpu),
    )
