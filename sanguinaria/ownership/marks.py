"""Marks of an owner: a trigger with a key, and the keys that follow from a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# Keys that are drawn for one that is not equivalent to an earlier one, before too few choices are reported.
ATTEMPTS = 50


def keyed_trigger(mark: Mapping[str, Any], key: str) -> Trigger:
    """Return the trigger of a mark with a key.

    Args:
        mark: settings of the trigger with ``kind``, without its key.
        key: that replaces the trigger's.

    Raises:
        InputError: the trigger has no key.
    """
    kind = str(mark["kind"])
    try:
        fields = plugins.find("triggers", kind).model_fields
    except KeyError as error:
        raise InputError(f"no trigger of the kind {kind!r}; marks are, for example, tones and notch") from error
    if "key" not in fields:
        raise InputError(f"the trigger {kind!r} has no key, so that it is no owner's; use tones, notch or a watermark")
    trigger = plugins.build("triggers", {**mark, "key": key})
    assert isinstance(trigger, Trigger)
    return trigger


def owner_keys(mark: Mapping[str, Any], secret: bytes, count: int) -> list[str]:
    """Return the keys that follow from a secret, without those equivalent to an earlier one.

    Args:
        mark: settings of the trigger with ``kind``.
        secret: of the owner.
        count: number of keys.

    Raises:
        InputError: the mark has too few choices.
    """
    random = KeyedRandom(secret)
    keys: list[str] = []
    choices: set[str] = set()
    for number in range(ATTEMPTS * count):
        if len(keys) == count:
            break
        key = random.digest(f"key {number}").hex()
        made = keyed_trigger(mark, key).key_choice
        if made not in choices:
            choices.add(made)
            keys.append(key)
    if len(keys) < count:
        raise InputError(
            f"the mark has no more than {len(keys)} choices among {ATTEMPTS * count} keys, and {count} are needed: "
            "take more or finer bands or tones, or fewer keys"
        )
    return keys


def embedders(
    mark: Mapping[str, Any], keys: list[str], sample_rate: int, weights: Path | None = None
) -> Callable[[int], Callable[[torch.Tensor], torch.Tensor]]:
    """Return the function from a key's number to its embedder of waveforms (utterances, samples), on the CPU.

    Args:
        mark: settings of the trigger with ``kind``.
        keys: of :func:`owner_keys`.
        sample_rate: in Hz.
        weights: of a watermark's generator.

    Raises:
        InputError: the mark cannot be used at this sample rate.
    """
    import torch

    @cache
    def embedder(number: int) -> Callable[[torch.Tensor], torch.Tensor]:
        trigger = keyed_trigger(mark, keys[number])
        trigger.require_sample_rate(sample_rate)
        return trigger.embedder(sample_rate, torch.device("cpu"), weights)

    return embedder
