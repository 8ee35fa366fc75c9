"""The plan, and the few functions by which rules look a wildcard up in it."""

import gc
import inspect
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# The jobs of a large run are millions of objects that live as long as it does. The collector's default thresholds make it
# traverse them again and again: a seventh of the time in which 7,000 jobs are planned.
gc.set_threshold(200_000, 50, 1_000)

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
from sanguinaria.core.number_formats import VARIABLE, number_format
from sanguinaria.core.paths import SHARED as KEPT
from sanguinaria.core.plugin_defects import defect_of_plugin
from sanguinaria.plan.needed_stages import specification_file
from sanguinaria.plan.rules import wildcards_of_stages
from sanguinaria.workflow import corpus_locations, plan_index
from sanguinaria.workflow.monitoring.start import monitor
from sanguinaria.workflow.parse import build_plan
from sanguinaria.workflow.plugin_checks import check_plugins
from sanguinaria.workflow.preparation import prepare_run
from sanguinaria.workflow.run_checks import check_run
from sanguinaria.workflow.warm_process import forget_run


def names_targets():
    """Whether the command line names what is to be run. Its parser takes a quarter of a second to build."""
    from snakemake.cli import get_argument_parser

    options, _ = get_argument_parser().parse_known_args(sys.argv[1:])
    return bool(options.targets or options.until)


try:
    # A job that parses this on another machine has the same identities.
    os.environ.setdefault(VARIABLE, number_format())
    if workflow.is_main_process:
        prepare_run(sys.argv[1:], cache=workflow.workflow_settings.cache is not None)
        monitor(workflow, lambda: PLAN, sys.argv[1:])
    else:  # a job of a cluster parses this file, too
        forget_run()
    PLAN = build_plan(
        config,
        [Path(os.path.relpath(path)) for path in workflow.configfiles],
        Path(workflow.basedir) / "workflow_scripts",
        KEPT / "source_code.json",
    )
    TARGETS = {
        name: [str(path) for path in paths] for name, paths in PLAN.targets.items()
    }
    if workflow.is_main_process:
        for remark in check_run(
            PLAN,
            sys.argv[1:],
            dry_run=workflow.output_settings.dryrun,
            names_targets=names_targets,
        ):
            logger.warning(f"Remark: {remark}.")
except InputError as error:
    raise WorkflowError(str(error)) from None
except (Exception, SystemExit) as error:
    if (defect := defect_of_plugin(error)) is None:
        raise
    raise WorkflowError(f"Nothing was run: {defect}.") from None


onstart:
    if workflow.is_main_process:
        plan_index.write(PLAN, KEPT / "plan.json")
        plan_index.write_entry_names(PLAN)
        corpus_locations.write(PLAN)
        try:
            check_plugins(PLAN, KEPT)
        except InputError as error:
            raise WorkflowError(str(error)) from None


def one_of(names):
    """A pattern for these names alone, and for none where there are none."""
    return "|".join(names) or "(?!)"


WILDCARDS = wildcards_of_stages()


wildcard_constraints:
    **dict.fromkeys(WILDCARDS.values(), r"[\w-]+"),
    shard=r"\d+",
    part=r"\d+",
    table=one_of(PLAN.tables),


ENVIRONMENT = "../envs/sanguinaria.yaml"


def look_up(stage):
    """A function from wildcards to the specification of a folder of a stage."""

    wildcard = WILDCARDS[stage]

    def stage_of(wildcards):
        key = wildcards[wildcard]
        try:
            return PLAN.planned(stage, key) or plan_index.find(
                PLAN, stage, key, KEPT / "plan.json"
            )
        except KeyError:
            changed = "the configuration, the code or the recordings"
            reason = (
                f"{changed} are others than those it was made from. Name the table or figure that needs it."
                if workflow.is_main_process
                else f"{changed} have changed since the run began. Start it again."
            )
            raise WorkflowError(
                f"results/{stage}/{key} is in no plan of this configuration: {reason}"
            ) from None

    return stage_of


def with_signature(function):
    """The function with its signature kept, which Snakemake reads several times a job and Python computes each time."""
    function.__signature__ = inspect.signature(function)
    return function


def specification(stage):
    find = look_up(stage)
    # Without the places of the user's files, which jobs look up: recordings that were moved are no reason to run.
    return with_signature(lambda wildcards: find(wildcards).identifying)


def gpus(stage):
    """The number of GPUs of a job, where there are any."""
    find = look_up(stage)
    return with_signature(lambda wildcards: find(wildcards).gpus)


def files(stage, **choices):
    """An input function for `unpack`: by name, the path or paths that a choice returns.

    A choice is a function of a specification and, where the rule has one, of the shard or part.

    All that a result depends on is hashed into its path, so inputs count as old: that a file was touched, restored or
    made again is no reason to run.
    """
    find = look_up(stage)

    @with_signature
    def paths(wildcards):
        pieces = [
            int(wildcards[name])
            for name in ("shard", "part")
            if name in wildcards.keys()
        ]
        found = find(wildcards)
        chosen = {name: choose(found, *pieces) for name, choose in choices.items()}
        return {
            name: (
                ancient_files(path) if isinstance(path, list) else ancient(str(path))
            )
            for name, path in chosen.items()
        }

    return paths


def ancient_files(paths):
    """Inputs whose age is no reason to run, as for :func:`files`."""
    return [ancient(str(path)) for path in paths]


def write_specification(kind, name, specification):
    """A file with the specification of a table or figure, rewritten where it has changed.

    Their paths hold no hash. So that they never outlive their configuration, not even where Snakemake has lost its
    memory, what they are made from is one of their inputs.
    """
    path = specification_file(kind, name)
    text = specification + "\n"
    if not path.is_file() or path.read_text() != text:
        if workflow.dryrun:
            # The results stay as they are, and may be read-only; another path is a reason to make the table anew, as well.
            path = KEPT / path
        write_text(path, text)
    return str(path)
