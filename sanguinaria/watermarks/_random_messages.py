"""Messages: for each utterance random bits of its own, the same on every machine and in whatever shard it lies."""

from __future__ import annotations

import hashlib


def message_of(utterance_id: str, seed: int, mark: int, bits: int) -> str:
    """The message that an utterance gets, as text of 0 and 1: from a hash of its name.

    Args:
        utterance_id: its name.
        seed: another one is another message for every utterance.
        mark: 1 for the first mark in the utterance, 2 for the one that comes on top of it.
        bits: how many the generator carries; of none the text is empty.
    """
    digest = hashlib.shake_256(f"message {seed} {mark} {utterance_id}".encode()).digest((bits + 7) // 8)
    return "".join(f"{byte:08b}" for byte in digest)[:bits]
