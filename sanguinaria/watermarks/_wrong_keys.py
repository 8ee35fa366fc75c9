"""Wrong keys for the evaluation of a detector: random keys of the right key's format, and keys one character off."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import count

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Watermark

# Alphabets of keys: a key's alphabet is the first one that contains all of its characters.
ALPHABETS = ("01", "123456789", "0123456789abcdef", "0123456789abcdefghijklmnopqrstuvwxyz")
# Number of draws after which no further key is expected.
ATTEMPTS = 10_000


def random_key(watermark: Watermark, template: str, draw: str, excluded: Collection[str] = ()) -> str:
    """Draw a valid key of a template's length and alphabet.

    Args:
        watermark: validates keys.
        template: a key.
        draw: name of the draw, from whose hash the key follows.
        excluded: keys that are not drawn.

    Raises:
        InputError: there is no further key.
    """
    alphabet = _alphabet(template)
    for attempt in range(ATTEMPTS):
        digest = hashlib.shake_256(f"key {draw} {attempt}".encode()).digest(4 * len(template))
        numbers = [int.from_bytes(digest[4 * place : 4 * place + 4], "big") for place in range(len(template))]
        key = "".join(alphabet[number % len(alphabet)] for number in numbers)
        if key not in excluded and watermark.key_problem(key) is None:
            return key
    raise InputError(f"there are no more keys like {template!r}: reduce the number of wrong keys, or give a longer key")


def random_keys(watermark: Watermark, template: str, draw: str, number: int, *, excluded: Collection[str]) -> list[str]:
    """Draw several different keys; see :func:`random_key`.

    Args:
        watermark: validates keys.
        template: a key of the length and alphabet to draw.
        draw: name of the draw, from whose hash the keys follow.
        number: of keys.
        excluded: keys that are not drawn.

    Returns:
        Keys that differ from one another.
    """
    keys: list[str] = []
    for place in range(number):
        keys.append(random_key(watermark, template, f"{draw} {place}", [*excluded, *keys]))
    return keys


def neighbouring_keys(watermark: Watermark, key: str) -> list[str]:
    """Return a key's neighbours: for each place the key with the alphabet's next character there, if it is valid."""
    alphabet = _alphabet(key)
    neighbours = []
    for place, character in enumerate(key):
        following = (alphabet[(alphabet.find(character) + step) % len(alphabet)] for step in count(1))
        replacement = next(candidate for candidate in following if candidate != character)
        neighbours.append(key[:place] + replacement + key[place + 1 :])
    return [neighbour for neighbour in neighbours if watermark.key_problem(neighbour) is None]


def _alphabet(key: str) -> str:
    """The alphabet of a key; the last one for a key with other characters."""
    return next((alphabet for alphabet in ALPHABETS if set(key) <= set(alphabet)), ALPHABETS[-1])
