"""Sanguinaria: what hidden marks in audio do to the models trained on it."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


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
