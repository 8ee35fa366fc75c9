"""Write the description of a poisoned training set."""

from sanguinaria.workflow.warm_process import delegate

delegate(snakemake)

import json
from pathlib import Path

from sanguinaria.steps.datasets.description import write_description
from sanguinaria.workflow.job import job

with job(snakemake) as specification:
    write_description(
        specification["poisoned"],
        poisoned=json.loads(snakemake.params.poisoned),
        destination=Path(snakemake.output.description),
    )
