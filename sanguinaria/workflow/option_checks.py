"""Names in options of a command line, most of which Snakemake ignores where it does not know them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.core.suggestions import unknown_name

# Options with names of targets, rules or files, and with names of rules alone.
OF_TARGETS = ("--until", "-U", "--omit-from", "-O", "--forcerun", "-R", "--prioritize", "-P")
OF_RULES = ("--set-resources", "--set-threads", "--allowed-rules", "--cache")
OF_RESOURCES = ("--resources", "--res")
# Resources that the rules have, or that a scheduler knows.
RESOURCES = ("gpu", "turn", "mem_mb", "mem_mib", "mem", "disk_mb", "disk_mib", "disk", "runtime", "tmpdir")


# Number of jobs or cores, with which Snakemake waits for ever where it is 0.
NONE_AT_ONCE = re.compile(r"(-c|-j|--cores=|--jobs=)0+")
OF_NUMBERS = ("-c", "--cores", "-j", "--jobs")


def check_options(arguments: Sequence[str], targets: Collection[str], rules: Collection[str]) -> None:
    """Check the names of rules, targets and resources among the values of options.

    Args:
        arguments: of the command line, without the program's name.
        targets: names of tables and figures.
        rules: names of the other rules.

    Raises:
        InputError: a name is unknown, and the message has the option and the nearest name; or an option would leave the
            run waiting, or a table stale.
    """
    _check_meaning(arguments)
    for option, value in option_values(arguments):
        if option in OF_TARGETS and not _may_be_a_file(value) and value.removesuffix("_data") not in (*targets, *rules):
            raise _unknown(option, "rule or target", value, (*targets, *rules))
        if option in OF_RULES and (rule := value.partition(":")[0].partition("=")[0]) not in (*targets, *rules):
            raise _unknown(option, "rule", rule, rules)
        if option == "--cache" and value in targets:
            raise InputError(
                f"Nothing was run: {option} takes {value!r} for a rule, as it stands after it: targets first"
            )
        if option in OF_RESOURCES and value.partition("=")[0].lower() in ("gpus", "cuda", "gpu_count"):
            raise _unknown(option, "resource", value.partition("=")[0], RESOURCES)


def _check_meaning(arguments: Sequence[str]) -> None:
    """Check options that do what nobody means by them."""
    values = list(option_values(arguments))
    if any(map(NONE_AT_ONCE.fullmatch, arguments)) or any(o in OF_NUMBERS and not v.strip("0") for o, v in values):
        raise InputError("Nothing was run: no job can start on 0 cores; a dry run is -n")
    if {"--touch", "-t"} & set(arguments) or ("-e", "touch") in values or ("--executor", "touch") in values:
        raise InputError(
            "Nothing was run: --touch would mark tables of other settings as those of this configuration. It is not "
            "needed: the age of a file is no reason to make it again"
        )


def option_values(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each value of an option with the option.

    >>> list(option_values(["demo", "--until", "victim", "scores", "-n", "--res=gpu=2", "--", "demo"]))
    [('--until', 'victim'), ('--until', 'scores'), ('--res', 'gpu=2')]
    """
    option = ""
    for word in arguments:
        if word == "--":
            return
        if word.startswith("--") and "=" in word:
            name, _, value = word.partition("=")
            yield name, value
            option = name
        elif word.startswith("-"):
            option = word
        elif option:
            yield option, word


def _may_be_a_file(value: str) -> bool:
    return "/" in value or Path(value).exists()


def _unknown(option: str, what: str, name: str, choices: Collection[str]) -> InputError:
    return InputError(f"Nothing was run: {option}: {unknown_name(what, name, choices)}")
