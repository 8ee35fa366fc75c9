"""Plan of a configuration, which the Snakefile builds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError
from sanguinaria.core.number_formats import number_format
from sanguinaria.core.paths import RESULTS
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.suggestions import unknown_name
from sanguinaria.plan.code_hash import SourceCode, module_path
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import CodeHash, Made
from sanguinaria.plan.plan import Plan

# Folders whose every file belongs to a target.
REDUCED = tuple((RESULTS / kind).as_posix() for kind in ("tables", "figures"))
# Frequent options that no word after them belongs to.
WITHOUT_VALUE = re.compile(r"-[nkpfF]+|--dry-?run|--keep-going|--force(all)?|-[cj]\d+|--[a-z-]+=.*")

# Options with which Snakemake shows or cleans up, and computes nothing.
INSPECTIONS = re.compile(
    r"-[lSD]|--(lint|list|lt|l[cipu]|list-.+|unlock|(detailed-)?summary|report(-stylesheet|-metadata|er)?|dag|rulegraph"
    r"|filegraph|d3dag|archive|export-cwl|generate-unit-tests|containerize|cleanup-.+|cm|delete-.+|print-compilation"
    r"|conda-create-envs-only|conda-cleanup-.+)(=.*)?"
)


def build_plan(config: Mapping[str, Any], files: Sequence[Path], scripts: Path, store: Path | None = None) -> Plan:
    """Return the plan of a configuration, with hashes of the current code.

    Args:
        config: merged by Snakemake.
        files: configuration files in Snakemake's order: the Snakefile's own, which the others override, is last.
        scripts: folder of the workflow scripts.
        store: file that keeps summaries of source files between processes, if any.

    Raises:
        InputError: the configuration is invalid; the message lists all problems.
    """
    return Plan(load(config, [*files[-1:], *files[:-1]]), code_hash(scripts, store))


def asked_targets(arguments: Sequence[str], targets: Mapping[str, Sequence[Path]]) -> list[str]:
    """Return the targets that a command line names, by their names or files, and all where it names none.

    Args:
        arguments: of the command line.
        targets: the files of each target by its name.

    Words that are an option's value count as well: one target too many is expanded, which is not wrong.
    """
    words = {word.removesuffix("_data") for word in arguments}
    asked = [
        name
        for name, paths in targets.items()
        if name in words or not words.isdisjoint(path.as_posix() for path in paths)
    ]
    return asked or list(targets)


def check_targets(arguments: Sequence[str], targets: Mapping[str, Sequence[Path]], rules: Iterable[str]) -> None:
    """Check that what a command line asks for is a target, a rule, or a file that may be one of a rule's.

    Args:
        arguments: of the command line.
        targets: the files of each target by its name.
        rules: names of further rules, which Snakemake takes as targets, too.

    Raises:
        InputError: a name is none of them; the message has the nearest.
    """
    files = [path.as_posix() for paths in targets.values() for path in paths]
    for name in positional(arguments):
        if Path(name).is_absolute() and Path(name).is_relative_to(Path.cwd()):
            raise InputError(
                f"Nothing was run: {name}: name results from this folder on: {Path(name).relative_to(Path.cwd())}"
            )
        folder = name.rpartition("/")[0]
        if not folder and name.removesuffix("_data") not in (*targets, *rules) and not Path(name).exists():
            raise InputError(f"Nothing was run: {_unknown_target(name, targets)}")
        if folder in REDUCED and name not in files:
            raise InputError(f"Nothing was run: {unknown_name('file of a table or figure', name, files)}")


def _unknown_target(name: str, targets: Iterable[str]) -> str:
    """The message about a target that the configuration lacks: the overlay that has it, or else the nearest name."""
    from sanguinaria.workflow.overlays import overlays_with  # few runs need it

    if overlays := overlays_with(name.removesuffix("_data"), Path.cwd()):
        return f"{name!r} is no target of this configuration: add --configfile {' or '.join(overlays)}"
    return unknown_name("target", name, targets)


def positional(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line that are no option's value for sure.

    They come first, after an option that takes no value or has it attached, or after two dashes. Snakemake's own
    parser, which knows of all, takes a quarter of a second to build.

    >>> list(positional(["demo", "--cores", "2", "-n", "real", "--configfile", "a.yaml"]))
    ['demo', 'real']
    """
    is_target = True
    for place, word in enumerate(arguments):
        if word == "--":
            yield from arguments[place + 1 :]
            return
        if word.startswith("-"):
            is_target = WITHOUT_VALUE.fullmatch(word) is not None
        elif is_target:
            yield word


def computes(arguments: Sequence[str]) -> bool:
    """Return whether a command line is of a run or a dry run, and not of an inspection such as ``--lint``.

    >>> computes(["demo", "-n"]), computes(["--unlock"]), computes(["demo", "--report", "page.zip"])
    (True, False, False)
    """
    return not any(INSPECTIONS.fullmatch(word) for word in arguments)


def code_hash(scripts: Path, store: Path | None = None) -> CodeHash:
    """Return a function that hashes the code of the rules that make a result, and of the plug-ins that they call.

    Of a plug-in with a network in bfloat16 it hashes the number format in which that computes on this machine, too.

    Args:
        scripts: folder of the workflow scripts.
        store: file that keeps summaries of source files between processes, if any.

    Raises:
        FileNotFoundError: by that function, where a rule has no workflow script.
    """
    source = SourceCode(scripts, store)

    @cache
    def hash_of(rules: tuple[str, ...], modules: tuple[str, ...], formats: tuple[str, ...]) -> str:
        paths = [scripts / f"{rule}.py" for rule in rules]
        if missing := [path for path in paths if not path.is_file()]:
            raise FileNotFoundError(f"no workflow script {missing[0].name} in {scripts}")
        files = [*paths, *(path for path in map(module_path, modules) if path is not None)]
        return source.fingerprint(*files, formats=formats)

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        formats = (number_format(),) if any(map(_computes_in_bfloat16, plugins)) else ()
        return hash_of(made.rules, (*(type(plugin).__module__ for plugin in plugins), *modules), formats)

    return code


def _computes_in_bfloat16(plugin: Plugin) -> bool:
    return any(value == "bfloat16" for setting, value in plugin if setting.endswith("precision"))
