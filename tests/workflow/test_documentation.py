"""What README and guide show is what there is: their examples are sound, and their links lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load

ROOT = Path(__file__).parents[2]
PAGES = (Path("README.md"), *(path.relative_to(ROOT) for path in sorted((ROOT / "docs").glob("*.md"))))
# What the reader has to put there.
READER_S = re.compile(r"(no (file|folder) '/data/)|(unknown kind 'click')")


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def problems(config: dict) -> list[str]:
    try:
        load(config)
    except InputError as error:
        return str(error).splitlines()[1:]
    return []


def test_the_examples_of_configurations_are_sound():
    config: dict = {}
    examples = [block for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", read(page), re.DOTALL)]
    for text in (read(Path("config.yaml")), read(Path("config/real.yaml")), *examples):
        update_config(config, yaml.safe_load(text))
    assert len(examples) >= 11
    assert [told for told in problems(config) if not READER_S.search(told)] == []


def anchors(page: str) -> set[str]:
    """Of a page's headings, as they are made of them where it is shown."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", read(page)):
        name, _, heading = target.partition("#")
        found = (ROOT / page).parent / name if name else ROOT / page
        assert found.exists(), target
        assert not heading or heading in anchors(found.read_text(encoding="utf-8")), target
