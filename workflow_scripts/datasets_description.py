"""Write what a poisoned training set is."""

import json
from pathlib import Path

from sanguinaria.datasets import write_description
from sanguinaria.jobs import job

with job(snakemake) as specification:
    write_description(
        specification["poisoned"],
        json.loads(snakemake.params.poisoned),
        Path(snakemake.output.description),
    )
