"""The index of methods: every plug-in with its file, its paper and one line, from its docstrings."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from sanguinaria.core import plugins
from sanguinaria.plan.sections import ROOMS
from sanguinaria.workflow.generated_pages.markdown import code, first_paragraph, plain, table

ROOT = Path(__file__).parents[3]
NAME = r"(?:(?:van|de|San) )?[A-Z][\w’'-]+"
AUTHORS = rf"{NAME}(?: et al\.|(?:, {NAME})*,? (?:and|&) {NAME})"
# The text from a title to the end of the sentence: conference, year, number.
REST = r"(?:, (?:[^.;:]|[.:](?=\d))+)?"
CITATIONS = (
    # In brackets, with a year or a section of one of the five papers.
    re.compile(r"\(([A-Z][^()]*?(?:\b(?:19|20)\d\d\b|\bsection \d)[^()]*)\)"),
    # Authors, and a title in quotation marks with all that follows up to the end of the sentence.
    re.compile(rf"({AUTHORS}[^.\"]{{0,12}}\"[^\"]+\"{REST})"),
    # An identifier of arXiv, and the authors and the year before it.
    re.compile(rf"({AUTHORS},? \d{{4}} \(arXiv:\d+\.\d+\))"),
    # A title in quotation marks alone.
    re.compile(rf"(?:^|[.:] )(\"[A-Z][^\"]+\"{REST})"),
)


def method_index() -> str:
    """Return the page: for each room a table of its methods."""
    parts = [
        "# Methods\n",
        "Every method is one file, or one folder, in the package of its section. The kind is the name of that file; it "
        "stands as `kind` in the configuration. The name links to the settings.\n",
    ]
    for room in ROOMS:
        rows = [_row(room, kind) for kind in plugins.kinds(room)]
        parts += [f"## {room}\n", table(["kind", "file", "paper", "method"], rows)]
    return "\n".join(parts)


def _row(room: str, kind: str) -> list[str]:
    model = plugins.find(room, kind)
    module = importlib.import_module(model.__module__)
    path = Path(str(module.__file__)).relative_to(ROOT)
    file = f"{path.parent.as_posix()}/" if path.name == "__init__.py" else path.as_posix()
    papers = citations(f"{module.__doc__ or ''}\n\n{model.__doc__ or ''}")
    summary = first_paragraph(module.__doc__)
    for paper in papers:
        summary = summary.replace(f" ({paper})", "")
    return [f"[`{kind}`](../configuration/{room}.md#{kind})", code(file), "; ".join(papers), summary]


def citations(docstring: str) -> list[str]:
    """Return the papers that a docstring cites, each once.

    >>> citations("A tone (Koffas et al., 2022, arXiv:2107.14569). It is short (and loud).")
    ['Koffas et al., 2022, arXiv:2107.14569']
    """
    text = " ".join(plain(docstring).split())
    cited: list[str] = []
    for pattern in CITATIONS:
        for match in pattern.finditer(text):
            citation = match[1].strip()
            if not any(citation in other or other in citation for other in cited):
                cited.append(citation)
    return cited
