"""The tiny batch, and the comparison of a function's results for a whole batch, its rows, and another order of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import source_of
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    # Results of a batch: one row, or one text, for each utterance.
    Rows = torch.Tensor | Sequence[str]

CPU = torch.device("cpu")
# Largest difference of two results that count as equal, as a share of the largest absolute value: sums in another order
# differ by 1e-6 of it, a batch of another level or another random number by far more.
TOLERANCE = 1e-4
# Results whose largest absolute value is below it, such as those of silence, are compared with it.
SMALLEST_SCALE = 1e-3
# Longest utterances of the batch, in seconds: one that a protocol takes, and quick.
SECONDS = 4.0
# Of the speech-like tones: pitch in Hz and peak, by utterance.
TONES = ((110.0, 0.5), (150.0, 0.3), (190.0, 0.1), (230.0, 0.02))
TARGET_SECONDS = 2.0


class Unchecked(Exception):
    """A plug-in that is left to its job; the message gives the reason."""


@dataclass(frozen=True)
class Probe:
    """The audio on which a plug-in is checked.

    Attributes:
        sample_rate: in Hz.
        num_samples: of an utterance.
    """

    sample_rate: int
    num_samples: int

    def waveforms(self, *, silence: bool = False) -> torch.Tensor:
        """Return four utterances of different pitch and level, (4, samples) in [-1, 1].

        Args:
            silence: whether a silent utterance follows, as corpora have.
        """
        length = min(self.num_samples, max(1, round(SECONDS * self.sample_rate)))
        rows = [self._tone(pitch, peak, length) for pitch, peak in TONES]
        return torch.stack([*rows, torch.zeros(length)] if silence else rows)

    def target(self) -> np.ndarray:
        """Return speech-like audio of a target speaker, (samples,) float32 in [-1, 1]."""
        return self._tone(130.0, 0.5, round(TARGET_SECONDS * self.sample_rate)).numpy()

    def _tone(self, pitch: float, peak: float, length: int) -> torch.Tensor:
        """Harmonics with formants, in bursts as of syllables, and a little noise."""
        times = np.arange(length) / self.sample_rate
        harmonics = pitch * np.arange(1, int(0.4 * self.sample_rate / pitch) + 1)
        formants = sum(np.exp(-(((harmonics - centre) / 200.0) ** 2)) for centre in (500.0, 1500.0, 2500.0))
        levels = pitch / harmonics + 0.2 * formants
        tone = (levels[:, None] * np.sin(2 * np.pi * harmonics[:, None] * times)).sum(0)
        tone *= 0.55 + 0.45 * np.sin(2 * np.pi * 4.0 * times)
        tone += 0.02 * np.abs(tone).max() * np.random.default_rng(int(pitch)).standard_normal(length)
        # Of 16 bits, as the audio of corpora.
        return torch.from_numpy(np.round(32768 * peak * tone / np.abs(tone).max()) / 32768).float()


_states = count(1)


def disturb_global_generators() -> None:
    """Set the global random generators to another state each time: a result that depends on it differs."""
    state = next(_states)
    random.seed(state)
    np.random.seed(state)  # noqa: NPY002
    torch.manual_seed(state)


def check_rows_alone(
    plugin: Plugin,
    build: Callable[[], Callable[[torch.Tensor], Rows]],
    rows: torch.Tensor,
    check: Callable[[Rows, torch.Tensor], None],
) -> Rows:
    """Check that the result of each row depends on this row alone, and on nothing that is random.

    Args:
        plugin: that the function belongs to.
        build: returns the function, as the plug-in makes it.
        rows: input of the function, (utterances, …).
        check: raises an error where a result breaks a promise of shape, type or range for an input.

    Returns:
        The result of all rows.

    Raises:
        InputError: the message names the plug-in's file, and what the result depends on.
    """

    def result(function: Callable[[torch.Tensor], Rows], given: torch.Tensor) -> Rows:
        disturb_global_generators()
        returned = function(kept := given.clone())
        if not torch.equal(kept, given):
            raise InputError(
                f"{source_of(plugin)} changed its input in place: it has to return other values in a new tensor, as of "
                "`waveforms.clone()`"
            )
        check(returned, given)
        return returned

    function = build()
    whole = result(function, rows)
    expect_equal(plugin, whole, result(function, rows), "two calls with the same input", "has to be deterministic")
    rebuilt = result(build(), rows)
    expect_equal(plugin, whole, rebuilt, "two objects with the same settings", "has to be deterministic")
    order = torch.arange(len(rows)).flip(0)
    reversed_rows = _in_order(result(function, rows[order]), order.tolist())
    alone = "has to depend on its own samples alone"
    expect_equal(plugin, whole, reversed_rows, "utterances in another order", alone)
    for position in range(len(rows)):
        single = result(function, rows[position : position + 1])
        expect_equal(plugin, _in_order(whole, [position]), single, "an utterance in a batch and by itself", alone)
    return whole


def _in_order(rows: Rows, order: list[int]) -> Rows:
    return rows[order] if isinstance(rows, torch.Tensor) else [rows[position] for position in order]


def expect_equal(plugin: Plugin, first: Rows, second: Rows, compared: str, promise: str) -> None:
    """Check that two results of a plug-in are equal.

    Args:
        plugin: that returned them.
        first, second: the results.
        compared: what differs between the two calls, for the message.
        promise: that is broken where they differ, for the message.

    Raises:
        InputError: they are not equal; the message names the plug-in's file.
    """
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        difference = _difference(first, second)
        if difference <= TOLERANCE:
            return
        amount = f" (by {difference:.1e} of the largest value)" if np.isfinite(difference) else ""
    elif first == second:
        return
    else:
        amount = ""
    raise InputError(f"{source_of(plugin)}: results of {compared} differ{amount}: the result of an utterance {promise}")


def _difference(first: torch.Tensor, second: torch.Tensor) -> float:
    """Largest difference, as a share of the largest absolute value; infinite for other shapes."""
    if first.shape != second.shape:
        return float("inf")
    if not first.numel():
        return 0.0
    first, second = first.double(), second.double()
    scale = max(float(first.abs().max()), float(second.abs().max()), SMALLEST_SCALE)
    return float((first - second).abs().max()) / scale
