"""Names that users give, such as labels: what a reader sees of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sanguinaria.core.errors import InputError


def visible(name: str) -> str:
    """Return a name as a reader sees it.

    Characters of one look (NFKC) are one, space is single and not at the ends, characters without width are left out.

    Example:
        >>> visible("\\ufeffgo  up\\u00a0")
        'go up'
    """
    if name.isascii() and name.isprintable() and " " not in name:
        return name
    shown = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def require_visible_differences(names: Iterable[str], what: str) -> None:
    """Check that different names look different.

    Args:
        names: labels, for example.
        what: place and kind of the names, for the message.

    Raises:
        InputError: two names differ in spaces, in characters without width or in the encoding of a character alone.
    """
    seen: dict[str, str] = {}
    for name in sorted(set(names)):
        other = seen.setdefault(visible(name), name)
        if other != name:
            raise InputError(
                f"{what} {other!a} and {name!a} look the same: they differ in spaces or in how a character is encoded; "
                "give both one spelling"
            )


def is_text(name: str) -> bool:
    """Return whether a file's name is valid Unicode: Python reads bytes that are not UTF-8 as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
