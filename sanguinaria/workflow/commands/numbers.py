"""The command ``numbers``: numbers of the documentation, checked against the tables that its pages cite."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.workflow.documented_numbers.blocks import blocks
from sanguinaria.workflow.documented_numbers.check import STATED, WRONG, check_page
from sanguinaria.workflow.documented_numbers.tables import published

RESULTS = Path("docs/results")


def main(arguments: Sequence[str]) -> None:
    """Print how many numbers of each page were checked and by what, and those that no table has.

    Args:
        arguments: of the command line.

    Raises:
        InputError: a number differs from its table, or an annotation is invalid.
    """
    options = _parser().parse_args(arguments)
    read = cache(partial(published, options.results))
    wrong = []
    for page in options.pages or cited_pages(Path()):
        numbers = check_page(page.read_text(encoding="utf-8"), read)
        ties = Counter(number.tie for number in numbers)
        print(f"{page}: {len(numbers)} numbers" + "".join(f", {count} {tie}" for tie, count in sorted(ties.items())))
        if options.stated:
            for number in numbers:
                if number.tie == STATED:
                    print(f"  {page}:{number.line}: {number.text}: {number.note}")
        wrong += [f"{page}:{number.line}: {number.text} {number.note}" for number in numbers if number.tie == WRONG]
    if wrong:
        raise InputError("\n".join([f"{len(wrong)} numbers differ from their tables:", *wrong]))


def cited_pages(root: Path) -> list[Path]:
    """Return the pages of the documentation that cite a published table, or that are annotated.

    Args:
        root: of the repository.
    """
    results = root / RESULTS
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    texts = {page: page.read_text(encoding="utf-8") for page in pages if results not in page.parents}
    return [page for page, text in texts.items() if any(block.cited or block.annotations for block in blocks(text))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sanguinaria numbers", description=__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", type=Path, help="Markdown; without, all that cite a table")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the published tables")
    parser.add_argument(
        "--stated", action="store_true", help="list the numbers that an annotation says are of no table"
    )
    return parser
