"""Write what a poisoned training set is."""

import json
from pathlib import Path

from sanguinaria.steps.datasets import write_description
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_description(
        specification["poisoned"],
        json.loads(snakemake.params.poisoned),
        Path(snakemake.output.description),
    )
