"""Random messages, one for each utterance: the same on every machine and in every shard."""

from __future__ import annotations

import hashlib


def random_message(utterance_id: str, seed: int, mark: int, bits: int) -> str:
    """Derive the message of an utterance from a hash of its name.

    Args:
        utterance_id: name of the utterance.
        seed: of the messages.
        mark: 1 for the first mark in the utterance, 2 for a second one on top of it.
        bits: length of the message.

    Returns:
        Text of 0 and 1; empty for 0 bits.

    >>> random_message("u001", seed=0, mark=1, bits=8)
    '10010101'
    """
    digest = hashlib.shake_256(f"message {seed} {mark} {utterance_id}".encode()).digest((bits + 7) // 8)
    return "".join(f"{byte:08b}" for byte in digest)[:bits]
