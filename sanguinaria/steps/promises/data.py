"""Checks of plug-ins from audio or texts to other data: features, texts, embeddings, values of metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import check_finite, check_rows, check_texts, source_of
from sanguinaria.metrics import Pair, Unscorable
from sanguinaria.steps.promises.probe import (
    CPU,
    Probe,
    Unchecked,
    check_rows_alone,
    disturb_global_generators,
    expect_equal,
)

if TYPE_CHECKING:
    from sanguinaria.embedders import Embedder
    from sanguinaria.front_ends import FrontEnd
    from sanguinaria.metrics import Metric
    from sanguinaria.steps.promises.probe import Rows
    from sanguinaria.texts import TextExtractor

LABEL = "left"
TEXTS = ("left", "turn right", "", "left")
# A recogniser with a whole dictionary takes a second for a second of audio.
TEXT_SECONDS = 0.3
# Level of the noise of degraded test utterances, relative to their peak.
NOISE = 0.05


def check_front_end(front_end: FrontEnd, probe: Probe) -> None:
    """Check the features of a front end, which are stored in half precision."""
    channels = front_end.dummy_input_shape[0]

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_rows(front_end, returned, (len(given), channels, None), "features (utterances, channels, times)")
        assert isinstance(returned, torch.Tensor)
        check_finite(front_end, returned.half(), [f"test utterance {row + 1}" for row in range(len(given))])

    with torch.inference_mode():
        rows = probe.waveforms(silence=True)
        check_rows_alone(front_end, lambda: front_end.transform(probe.sample_rate, CPU), rows, check)


def check_text(text: TextExtractor, probe: Probe) -> None:
    """Check that a text extractor returns one text for each utterance.

    Raises:
        InputError: it breaks a promise; the message names its file.
        Unchecked: it is left to its job.
    """
    if text.has_network:
        raise Unchecked("it loads a pretrained network")

    def build() -> Callable[[torch.Tensor], list[str]]:
        extract = text.extractor(probe.sample_rate, CPU)
        return lambda rows: extract(rows, [LABEL] * len(rows))

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_texts(text, returned, len(given))

    with torch.inference_mode():
        rows = probe.waveforms()[:2, : round(TEXT_SECONDS * probe.sample_rate)]
        check_rows_alone(text, build, rows, check)


def check_embedder(embedder: Embedder, probe: Probe) -> None:
    """Check embeddings of texts: their size, that of an empty text, and that each depends on its text alone."""

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_rows(embedder, returned, (len(given), embedder.size), "embeddings (texts, size)")
        assert isinstance(returned, torch.Tensor)
        check_finite(embedder, returned, [repr(TEXTS[row]) for row in given.tolist()])
        if bool(returned[[not TEXTS[row] for row in given.tolist()]].any()):
            raise InputError(f"{source_of(embedder)}: the embedding of an empty text has to be all zeros")

    def build() -> Callable[[torch.Tensor], torch.Tensor]:
        embed = embedder.embedder(CPU)
        return lambda rows: embed([TEXTS[row] for row in rows.tolist()])

    check_rows_alone(embedder, build, torch.arange(len(TEXTS)), check)


def check_metric(metric: Metric, probe: Probe) -> None:
    """Check the values of a metric for two utterances with noise.

    Raises:
        InputError: it breaks a promise; the message names its file.
    """
    clean = probe.waveforms().numpy()[:2]
    noise = np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    degraded = clean + NOISE * np.abs(clean).max(-1, keepdims=True) * noise
    with TemporaryDirectory() as folder:
        target = _target(Path(folder), probe) if metric.needs_target else None
        pairs = [
            Pair(
                reference=reference,
                degraded=row,
                sample_rate=probe.sample_rate,
                label=LABEL,
                labels=(LABEL, "right"),
                target=target,
            )
            for reference, row in zip(clean, degraded, strict=True)
        ]
        values = [_value(metric, pair) for pair in pairs]
        repeated = [_value(metric, pair) for pair in pairs]
    present = [value for value in values if value is not None]
    if present and not any(map(math.isfinite, present)):
        raise InputError(
            f"{source_of(metric)} returned {present[0]} for each test utterance: it has to return a finite number, or "
            "to raise Unscorable with the reason"
        )
    first, second = (
        torch.tensor([float("nan") if value is None else value for value in each]) for each in (values, repeated)
    )
    expect_equal(
        metric, first.nan_to_num(), second.nan_to_num(), "two calls with the same input", "has to be deterministic"
    )


def _value(metric: Metric, pair: Pair) -> float | None:
    """The value for a pair; ``None`` where the metric is not defined."""
    disturb_global_generators()
    try:
        value = metric.score_pair(pair)
    except Unscorable:
        return None
    if value is None:  # a forgotten `return`
        return float("nan")
    if isinstance(value, bool | np.bool_) or not isinstance(value, float | int | np.floating | np.integer):
        raise InputError(f"{source_of(metric)} returned {type(value).__name__}: it has to return a number")
    return float(value)


def _target(folder: Path, probe: Probe) -> Path:
    from sanguinaria.audio.files import encode_flac, to_int16

    path = folder / "speech.flac"
    path.write_bytes(encode_flac(to_int16(probe.target()), probe.sample_rate))
    return path
