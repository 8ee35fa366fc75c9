"""Plan of a configuration, which the Snakefile builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sanguinaria.core.plugins import Plugin
from sanguinaria.plan.code_hash import fingerprint, module_path
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import CodeHash, Made
from sanguinaria.plan.plan import Plan, plan


def build_plan(config: Mapping[str, Any], files: Sequence[Path], scripts: Path) -> Plan:
    """Return the plan of a configuration, with hashes of the current code.

    Args:
        config: merged by Snakemake.
        files: configuration files in Snakemake's order: the Snakefile's own, which the others override, is last.
        scripts: folder of the workflow scripts.

    Raises:
        InputError: the configuration is invalid; the message lists all problems.
    """
    return plan(load(config, [*files[-1:], *files[:-1]]), code_hash(scripts))


def code_hash(scripts: Path) -> CodeHash:
    """Return a function that hashes the code of the rules that make a result, and of the plug-ins that they call.

    Args:
        scripts: folder of the workflow scripts.

    Raises:
        FileNotFoundError: by that function, where a rule has no workflow script.
    """

    @cache
    def hash_of(rules: tuple[str, ...], modules: tuple[str, ...]) -> str:
        paths = [scripts / f"{rule}.py" for rule in rules]
        if missing := [path for path in paths if not path.is_file()]:
            raise FileNotFoundError(f"no workflow script {missing[0].name} in {scripts}")
        return fingerprint([*paths, *(path for path in map(module_path, modules) if path is not None)])

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        return hash_of(made.rules, (*(type(plugin).__module__ for plugin in plugins), *modules))

    return code
