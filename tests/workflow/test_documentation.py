"""Documentation: examples of configurations are valid, links have targets, and the plug-ins of the guides work."""

import ast
import itertools
import os
import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config
from tiny import code_blocks

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import kinds
from sanguinaria.plan.configuration import load
from sanguinaria.plan.sections import ROOMS, TARGETS
from sanguinaria.workflow.commands.cost import SCRIPTS
from sanguinaria.workflow.configuration_files import BASE, merged
from sanguinaria.workflow.generated_pages import pages
from sanguinaria.workflow.generated_pages.messages import template
from sanguinaria.workflow.parse import build_plan

ROOT = Path(__file__).parents[2]
# Of docs/results only tables are there, which have neither examples nor links.
WRITTEN = [path for path in sorted((ROOT / "docs").rglob("*.md")) if "results" not in path.parts]
PAGES = (Path("README.md"), *(path.relative_to(ROOT) for path in WRITTEN))
GENERATED = {Path("docs") / name: text for name, text in pages().items()}
# Files that the reader has to provide, and plug-ins that the guides add.
PROVIDED_BY_READER = re.compile(r"(no (file|folder) '(/data|claim)/)|(unknown kind '(click|noise_gate|carrier)')")


def read(path: Path) -> str:
    return GENERATED[path] if path in GENERATED else (ROOT / path).read_text(encoding="utf-8")


def problems(config: dict) -> list[str]:
    try:
        load(config)
    except InputError as error:
        return str(error).splitlines()[1:]
    return []


def test_the_examples_of_configurations_are_valid():
    config: dict = {}
    examples = [block for page in PAGES for _, block in code_blocks(f"../{page}", "yaml")]
    for text in (read(Path("config.yaml")), read(Path("config/real.yaml")), *examples):
        update_config(config, yaml.safe_load(text))
    assert len(examples) >= 14
    assert [message for message in problems(config) if not PROVIDED_BY_READER.search(message)] == []


def anchors(page: str) -> set[str]:
    """Anchors of a page's headings, as GitHub and the site derive them."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *GENERATED], ids=str)
def test_links_have_targets(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", read(page)):
        name, _, heading = target.partition("#")
        relative = Path(os.path.normpath(page.parent / name if name else page))
        assert relative in GENERATED or (ROOT / relative).exists(), target
        assert not heading or heading in anchors(read(relative)), target


def test_the_page_of_targets_says_which_are_in_one_overlay_alone():
    page = read(Path("docs/targets.md"))
    targets = {}
    for name in ("config/real.yaml", "config/paper.yaml"):
        files = [ROOT / BASE, ROOT / name]
        targets[name] = set(build_plan(merged(files), files[::-1], ROOT / SCRIPTS).targets)
    for name, other in itertools.permutations(targets):
        listed = re.search(rf"^- in `{name}` alone: ([^;.]*)[;.]$", page, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", listed[1])) == targets[name] - targets[other], name


def test_the_readme_is_short():
    assert len(read(Path("README.md")).splitlines()) <= 120


def test_every_section_has_a_page_with_every_kind_and_setting():
    for section in (*ROOMS, *TARGETS):
        page = read(Path(f"docs/configuration/{section}.md"))
        assert section in ROOMS or all(f"`{field}`" in page for field in TARGETS[section].model_fields)
        assert section not in ROOMS or all(f"\n## {kind}\n" in page for kind in kinds(section))


def test_the_navigation_has_every_page():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (*PAGES[1:], *GENERATED):
        assert re.search(rf"\b{page.relative_to('docs').as_posix()}$", navigation, re.MULTILINE), page


def literals() -> str:
    """All strings of the library, with variable parts as "…"."""
    messages = []
    for path in sorted((ROOT / "sanguinaria").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                messages.append(template(node).replace("`", ""))
    return "\n".join(messages)


def test_the_quoted_messages_are_those_of_the_code():
    strings = literals()
    page = read(Path("docs/troubleshooting.md")).partition("## The configuration")[2]
    quoted = [span for row in re.findall(r"^\| (.*?) \| ", page, re.MULTILINE) for span in re.findall(r"`(.*?)`", row)]
    assert len(quoted) >= 40
    # Names, numbers, and environment variables, which are inserted.
    variable = r"…|'[^']*'|\b[NM]\b(?: problems)?|\d[\d,]*|SANGUINARIA_\w+|WavMark|test"
    variable += "|unknown (?:label|column|entry of triggers)|an experiment"
    pieces = [(span, piece.strip(" .:,;()")) for span in quoted for piece in re.split(variable, span)]
    assert [(span, piece) for span, piece in pieces if len(piece) > 7 and piece not in strings] == []


def test_the_architecture_names_every_package():
    packages = [path.parent.name for path in (ROOT / "sanguinaria").glob("*/__init__.py")]
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert [name for name in packages if name not in picture] == []
