"""Generated files that are tracked because tools need them; a test checks that they are up to date.

``python -m sanguinaria.workflow.generated_files`` writes them.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.plan.schema import schema

ROOT = Path(__file__).parents[2]


def files() -> dict[Path, str]:
    """Return the content of each generated file by its path."""
    return {
        ROOT / "config" / "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "envs" / "sanguinaria.yaml": _conda_environment(),
        ROOT / "envs" / "sanguinaria.post-deploy.sh": _post_deployment(),
    }


def _conda_environment() -> str:
    """Conda environment with the run-time dependencies of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        "# Generated from pyproject.toml by `make schema`, for `snakemake --sdm conda`.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - c-compiler",  # builds pesq from source
        "  - cxx-compiler",  # builds pyworld from source
        "  - pip",
        "  - pip:",
        *(f'      - "{dependency}"' for dependency in project["dependencies"]),
    ]
    return "\n".join(lines) + "\n"


def _post_deployment() -> str:
    """Script that Snakemake runs in a new environment; `make` runs it, too."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sanguinaria"]["without-dependencies"]
    lines = [
        "# Generated from pyproject.toml by `make schema`: packages that are installed without their dependencies.",
        "set -e",
        f"python -m pip install --quiet --no-deps {' '.join(packages)}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        write_text(path, text)
