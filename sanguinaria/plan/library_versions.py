"""Versions of the libraries that compute a result, which are part of its identity: of another version, it is another
experiment."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

# Distributions of another name than the module that they contain.
DISTRIBUTIONS = {"perth": "resemble-perth", "sklearn": "scikit-learn", "visqol": "visqol-python"}
# They carry settings, files and messages: a newer one computes no other numbers. pyarrow writes tables without loss.
CARRIERS = frozenset(
    {
        "filelock",
        "huggingface_hub",
        "psutil",
        "pyarrow",
        "pydantic",
        "pydantic_core",
        "requests",
        "rich",
        "safetensors",
        "snakemake",
        "snakemake_interface_logger_plugins",
        "tqdm",
        "urllib3",
        "yaml",
    }
)
ABSENT = "absent"


def is_library(module: str) -> bool:
    """Return whether a module's top-level name is that of a library whose version counts.

    >>> [is_library(name) for name in ("torch", "json", "sanguinaria", "yaml")]
    [True, False, False, False]
    """
    own = module == __name__.split(".")[0]
    return not own and module not in sys.stdlib_module_names and module not in CARRIERS


@cache
def library_version(module: str) -> str:
    """Return the public version of the distribution that contains a top-level module.

    A local part, which names a build such as "+cpu", is left out: a machine with a GPU has the same identities.
    A library that is not installed is "absent", as its optional import fails.
    """
    try:
        installed = version(DISTRIBUTIONS.get(module, module))
    except PackageNotFoundError:
        names = _distributions(module)
        installed = version(names[0]) if names else ABSENT
    return installed.split("+")[0]


def _distributions(module: str) -> list[str]:
    """The names of a module's distributions, by a look at all that are installed, which takes a third of a second."""
    return sorted(packages_distributions().get(module, [])) if _is_installed(module) else []


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
