"""Keys that are not the right one: drawn like it, or a single character off it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import count

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Watermark

# The characters that a key is taken to be written with: the first of these that has all of its own.
ALPHABETS = ("01", "123456789", "0123456789abcdef", "0123456789abcdefghijklmnopqrstuvwxyz")
# Draws after which there are no more keys to be had.
ATTEMPTS = 10_000


def drawn_key(watermark: Watermark, like: str, draw: str, taken: Collection[str] = ()) -> str:
    """A key as long as another and of its characters, which the watermark accepts.

    Args:
        watermark: says which keys there are.
        like: a key.
        draw: what is drawn: from a hash of it the key follows.
        taken: keys that it may not be.

    Raises:
        InputError: there are no more keys.
    """
    alphabet = _alphabet(like)
    for attempt in range(ATTEMPTS):
        digest = hashlib.shake_256(f"key {draw} {attempt}".encode()).digest(4 * len(like))
        places = [int.from_bytes(digest[4 * place : 4 * place + 4], "big") for place in range(len(like))]
        key = "".join(alphabet[place % len(alphabet)] for place in places)
        if key not in taken and watermark.key_problem(key) is None:
            return key
    raise InputError(f"there are no more keys like {like!r}: ask for fewer wrong keys, or give a longer key")


def drawn_keys(watermark: Watermark, like: str, draw: str, number: int, taken: Collection[str]) -> list[str]:
    """So many different keys as :func:`drawn_key` gives them."""
    found: list[str] = []
    for place in range(number):
        found.append(drawn_key(watermark, like, f"{draw} {place}", [*taken, *found]))
    return found


def neighbours(watermark: Watermark, key: str) -> list[str]:
    """For each character of a key the key with the next one of the alphabet in its place, where that is a key."""
    alphabet = _alphabet(key)
    near = []
    for place, character in enumerate(key):
        following = (alphabet[(alphabet.find(character) + step) % len(alphabet)] for step in count(1))
        other = next(candidate for candidate in following if candidate != character)
        near.append(key[:place] + other + key[place + 1 :])
    return [key for key in near if watermark.key_problem(key) is None]


def _alphabet(key: str) -> str:
    return next((alphabet for alphabet in ALPHABETS if set(key) <= set(alphabet)), ALPHABETS[-1])
