"""The list of error messages: every message that the code can report to a user, with its file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sanguinaria.workflow.generated_pages.markdown import code, table

PACKAGE = Path(__file__).parents[2]
# Exceptions that are shown without a traceback; the configuration's checks report a ValueError of a plug-in likewise.
ERRORS = ("InputError", "DownloadError", "WeightsError")
OF_SETTINGS = "ValueError"


def message_index() -> str:
    """Return the page: the messages, sorted by package, variable parts as ``…``."""
    rows: dict[str, list[list[str]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE.parent).as_posix()
        for text in dict.fromkeys(messages(path)):
            rows.setdefault(name.split("/")[1], []).append([code(text.replace("`", "'")), code(name)])
    parts = [
        "# Error messages\n",
        "This list is generated from the code. It has every message about input: configurations, recordings, "
        "checkpoints, downloads, results that were damaged. A variable part is shown as `…`. "
        "[Troubleshooting](../troubleshooting.md) has causes and fixes of the most frequent ones.\n",
    ]
    for package in rows:
        parts += [f"## {package}\n", table(["message", "file"], rows[package])]
    return "\n".join(parts)


def messages(path: Path) -> Iterator[str]:
    """Yield the messages of the errors about input that a module raises."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            text = template(node.exc.args[0])
            if (name in ERRORS or name == OF_SETTINGS) and any(map(str.isalpha, text)):
                yield text


def template(node: ast.expr) -> str:
    """Return a message with its variable parts as ``…``.

    >>> template(ast.parse("f'{path}: {n} files'", mode="eval").body)
    '…: … files'
    """
    if isinstance(node, ast.Constant):
        return " ".join(str(node.value).split())
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return " ".join("".join(parts).split())
    return ""
