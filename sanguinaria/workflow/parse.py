"""Plan of a configuration, which the Snakefile builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sanguinaria.core.plugins import Plugin
from sanguinaria.plan.code_hash import fingerprint, module_path
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import CodeHash
from sanguinaria.plan.plan import Plan, plan


def build_plan(config: Mapping[str, Any], files: Sequence[Path], scripts: Path) -> Plan:
    """Return the plan of a configuration, with hashes of the current code.

    Args:
        config: merged by Snakemake.
        files: configuration files in Snakemake's order: the Snakefile's own, which the others override, is last.
        scripts: folder of the workflow scripts; those of a stage start with the stage's name.

    Raises:
        InputError: the configuration is invalid; the message lists all problems.
    """
    return plan(load(config, [*files[-1:], *files[:-1]]), code_hash(scripts))


def code_hash(scripts: Path) -> CodeHash:
    """Return a function that hashes all code that the scripts of a stage and the plug-ins they call can import.

    Args:
        scripts: folder of the workflow scripts.
    """

    @cache
    def hash_of(stage: str, modules: tuple[str, ...]) -> str:
        paths = sorted(scripts.glob(f"{stage}*.py"))
        if not paths:
            raise FileNotFoundError(f"no workflow script of the stage {stage!r} in {scripts}")
        return fingerprint([*paths, *(path for path in map(module_path, modules) if path is not None)])

    def code(stage: str, plugins: Sequence[Plugin]) -> str:
        return hash_of(stage, tuple(type(plugin).__module__ for plugin in plugins))

    return code
