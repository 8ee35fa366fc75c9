"""The plan, and the few functions by which rules look a wildcard up in it."""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The library is imported from this folder, in the main process and in all jobs: an environment that two checkouts share must
# not run the rules of one with the code of the other.
sys.path.insert(0, workflow.basedir)
os.environ.update(
    PYTHONPATH=os.pathsep.join(
        [workflow.basedir, *filter(None, [os.environ.get("PYTHONPATH")])]
    )
)

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.plan.rules import key_wildcards
from sanguinaria.workflow.parse import build_plan
from sanguinaria.workflow.preparation import prepare_run

try:
    if workflow.is_main_process:  # jobs parse this file, too
        prepare_run(sys.argv[1:], cache=workflow.workflow_settings.cache is not None)
    PLAN = build_plan(
        config,
        [Path(os.path.relpath(path)) for path in workflow.configfiles],
        Path(workflow.basedir) / "workflow_scripts",
    )
except InputError as error:
    raise WorkflowError(str(error)) from None


def one_of(names):
    """A pattern for these names alone, and for none where there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    **{wildcard: r"[\w-]+" for wildcard in key_wildcards()},
    shard=r"\d+",
    part=r"\d+",
    table=one_of(PLAN.tables),


ENVIRONMENT = "../envs/sanguinaria.yaml"


def look_up(stage, wildcard):
    """A function from wildcards to the specification of a folder of a stage."""

    def stage_of(wildcards):
        key = getattr(wildcards, wildcard)
        try:
            return PLAN.stages[stage][key]
        except KeyError:
            raise WorkflowError(
                f"results/{stage}/{key} is in no plan of this configuration: "
                "the configuration, the code or the recordings have changed since the run began. Start it again."
            ) from None

    return stage_of


def specification(stage, wildcard):
    find = look_up(stage, wildcard)
    return lambda wildcards: find(wildcards).specification


def folder(stage, wildcard):
    find = look_up(stage, wildcard)
    return lambda wildcards: str(find(wildcards).folder)


def shard(wildcards):
    """The shard of a job. A parameter, as a cache between workflows distinguishes jobs by parameters, not by paths."""
    return int(wildcards.shard)


def part(wildcards):
    """The part of a job, which scores several shards; a parameter as the shard is."""
    return int(wildcards.part)


def files(stage, wildcard, choose):
    """An input function: the path or paths that a specification, and a shard or part where the rule has one, chooses.

    All that a result depends on is hashed into its path, so inputs count as old: that a file was touched, restored or
    made again is no reason to run.
    """
    find = look_up(stage, wildcard)

    def paths(wildcards):
        pieces = [
            int(wildcards[name])
            for name in ("shard", "part")
            if name in wildcards.keys()
        ]
        chosen = choose(find(wildcards), *pieces)
        if isinstance(chosen, list):
            return ancient_files(chosen)
        return ancient(str(chosen))

    return paths


def ancient_files(paths):
    """Inputs whose age is no reason to run, as for :func:`files`."""
    return [ancient(str(path)) for path in paths]


def figure_paths(name):
    """The files of a figure; spectrograms have no points."""
    forms = [
        "svg",
        "png",
        "provenance.json",
        *(["csv"] if name in PLAN.figures else []),
    ]
    return [f"results/figures/{name}.{form}" for form in forms]


def write_specification(kind, name, specification):
    """A file with the specification of a table or figure, rewritten where it has changed.

    Their paths hold no hash. So that they never outlive their configuration, not even where Snakemake has lost its
    memory, what they are made from is one of their inputs.
    """
    path = Path("results") / kind / "specifications" / f"{name}.json"
    text = specification + "\n"
    if not path.is_file() or path.read_text() != text:
        write_text(path, text)
    return str(path)


TARGETS = {name: table.files for name, table in PLAN.tables.items()} | {
    name: figure_paths(name) for name in (*PLAN.figures, *PLAN.spectrograms)
}
