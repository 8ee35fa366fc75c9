"""Sanguinaria: what hidden marks in audio do to the models trained on it."""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")


# Started from another folder (`--snakefile`, `--directory`) without one of its own, a run has the project's configuration.
CONFIGURATION = "config.yaml"
if not os.path.exists(CONFIGURATION):
    CONFIGURATION = os.path.join(workflow.basedir, CONFIGURATION)


# As the directive `configfile:`, whose error has neither file nor line.
try:
    workflow.configfile(CONFIGURATION)
except Exception as error:
    sys.path.insert(0, workflow.basedir)
    from sanguinaria.workflow.configuration_files import why_unreadable

    raise WorkflowError(why_unreadable(CONFIGURATION) or str(error)) from None


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/groups.smk"


rule all:
    default_target: True
    input:
        list(TARGETS.values()),


include: "rules/corpora.smk"
include: "rules/watermarks.smk"
include: "rules/triggers.smk"
include: "rules/poisoning.smk"
include: "rules/victims.smk"
include: "rules/texts.smk"
include: "rules/purifiers.smk"
include: "rules/defences.smk"
include: "rules/scores.smk"
include: "rules/benchmarks.smk"
include: "rules/verifications.smk"
include: "rules/reports.smk"
