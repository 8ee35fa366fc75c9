"""Examples of configurations in README and documentation are valid, and links have targets."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load

ROOT = Path(__file__).parents[2]
PAGES = (Path("README.md"), *(path.relative_to(ROOT) for path in sorted((ROOT / "docs").glob("*.md"))))
# Paths and plug-ins that the reader has to provide.
PROVIDED_BY_READER = re.compile(r"(no (file|folder) '/data/)|(unknown kind 'click')")


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def problems(config: dict) -> list[str]:
    try:
        load(config)
    except InputError as error:
        return str(error).splitlines()[1:]
    return []


def test_the_examples_of_configurations_are_valid():
    config: dict = {}
    examples = [block for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", read(page), re.DOTALL)]
    for text in (read(Path("config.yaml")), read(Path("config/real.yaml")), *examples):
        update_config(config, yaml.safe_load(text))
    assert len(examples) >= 11
    assert [problem for problem in problems(config) if not PROVIDED_BY_READER.search(problem)] == []


def anchors(page: str) -> set[str]:
    """Anchors of a page's headings, as GitHub derives them."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_have_targets(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", read(page)):
        name, _, heading = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        assert not heading or heading in anchors(file.read_text(encoding="utf-8")), target
