"""Names that users give, such as labels: what a reader sees of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sanguinaria.core.errors import InputError

# Letters of other scripts with the look of Latin ones, after confusables.txt of Unicode's Technical Standard 39.
_CYRILLIC = ("аеорсухіјѕԁһӏԛԝАВЕКМНОРСТУХІЈЅԚԜ", "aeopcyxijsdhlqwABEKMHOPCTYXIJSQW")
_GREEK = ("αγινορυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ayivopuABEZHIKMNOPTYX")
_LATIN_LOOK = str.maketrans(_CYRILLIC[0] + _GREEK[0], _CYRILLIC[1] + _GREEK[1])


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


def lookalikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of different names whose letters look the same, though they are of different scripts.

    Example:
        >>> lookalikes(["left", "l\u0435ft", "right"]) == [("left", "l\u0435ft")]
        True
    """
    seen: dict[str, str] = {}
    pairs = [(seen.setdefault(visible(name).translate(_LATIN_LOOK), name), name) for name in sorted(set(names))]
    return [pair for pair in pairs if pair[0] != pair[1]]


def foreign_letters(name: str) -> list[str]:
    """Return the letters of a name that have the look of Latin ones, where others of its letters are Latin.

    Example:
        >>> [hex(ord(letter)) for letter in foreign_letters("l\u0435ft")]
        ['0x435']
        >>> foreign_letters("\u043d\u0435\u0442")
        []
    """
    foreign = [letter for letter in name if letter != letter.translate(_LATIN_LOOK)]
    return foreign if any(unicodedata.name(letter, "").startswith("LATIN ") for letter in name) else []
