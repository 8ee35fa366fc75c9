"""docs/licences.md lists every direct dependency."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_direct_dependency_has_a_licence():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [
        *settings["project"]["dependencies"],
        *settings["tool"]["sanguinaria"]["without-dependencies"],
        *(requirement for group in settings["project"]["optional-dependencies"].values() for requirement in group),
    ]
    packages = {re.split(r"[=\[;< >]", requirement)[0] for requirement in requirements}
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").partition("## Pretrained")[0]
    listed = set(re.findall(r"^\| ([\w-]+) \|", page, re.MULTILINE)) - {"package"}
    assert listed == packages
