"""Files that are generated from others and tracked all the same, as tools look for them; a test keeps them in step.

``python -m sanguinaria.workflow.generated_files`` writes them.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.plan.configuration import schema

ROOT = Path(__file__).parents[2]


def files() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        ROOT / "config" / "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "envs" / "sanguinaria.yaml": _conda_environment(),
        ROOT / "envs" / "sanguinaria.post-deploy.sh": _post_deployment(),
    }


def _conda_environment() -> str:
    """The run-time software of pyproject.toml as a conda environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        "# Generated from pyproject.toml by `make schema`, for `snakemake --sdm conda`.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - c-compiler",  # pesq is built from its source
        "  - cxx-compiler",  # and so is pyworld
        "  - pip",
        "  - pip:",
        *(f'      - "{dependency}"' for dependency in project["dependencies"]),
    ]
    return "\n".join(lines) + "\n"


def _post_deployment() -> str:
    """What Snakemake runs in the environment once it is made, and `make` as well."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sanguinaria"]["without-dependencies"]
    lines = [
        "# Generated from pyproject.toml by `make schema`, which says why: packages without what they ask for.",
        "set -e",
        f"python -m pip install --quiet --no-deps {' '.join(packages)}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        write_text(path, text)
