"""Benchmarks: the robustness of watermarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from sanguinaria.core.fields import Seeds, entry_names, require_unique
from sanguinaria.core.plugins import Settings
from sanguinaria.plan.sections.comparison import Comparison


class Benchmark(Settings):
    """A table of every watermark after every distortion: detection, bit errors, and wrong keys.

    Every test utterance has a random message of its own, and a key where the watermark has keys.
    """

    renamed: ClassVar[Mapping[str, str]] = {"retrained": "train_per_seed"}

    corpus: str = Field(description="entry of `corpora`")
    watermarks: entry_names("watermarks")  # type: ignore[valid-type]
    distortions: entry_names("distortions")  # type: ignore[valid-type]
    metrics: entry_names("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    keys: Mapping[str, str] = Field(
        default={},
        description="watermark → the key of seed 0, for each watermark that has keys; the keys of other seeds and all "
        "wrong keys are drawn like it",
    )
    wrong_keys: int = Field(
        default=3,
        ge=0,
        le=100,
        description="number of wrong keys that decode undistorted utterances; each key that differs from the right one "
        "in one character does, too",
    )
    marks: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1), AfterValidator(require_unique)] = Field(
        default=(1,), description="1: one mark in an utterance; 2: another on top of it, with a key of its own"
    )
    strength: float = Field(default=1.0, gt=0, description="the gain on the mark")
    utterances: int | None = Field(
        default=None, ge=1, description="number of test utterances that are marked; all where absent"
    )
    validation_utterances: int | None = Field(
        default=1000,
        ge=1,
        description="number of clean validation utterances that fix the threshold; all where null",
    )
    false_positive_rate: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="share of clean validation utterances that are detected at this threshold",
    )
    seeds: Seeds = Field(default=(0,), description="of messages and keys")
    train_per_seed: bool = Field(
        default=False,
        description="train a generator for each seed, which is added to its own, so that intervals include the "
        "variance of the training",
    )
    efficiency: bool = Field(default=True, description="measure the costs of marking and detecting on this machine")
    comparison: Comparison | None = None
