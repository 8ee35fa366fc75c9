"""Assertions for all trained watermark generators."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch
from toy_speech import equal_weights

from sanguinaria.nn import step_training
from sanguinaria.watermarks import Marker, Sources, Watermark


def assert_independent_of_batch(marker: Marker, speech: torch.Tensor, messages: torch.Tensor) -> None:
    """Assert that embedding and detection of an utterance do not depend on the rest of the batch."""
    single = torch.cat([marker.watermark(one[None], each) for one, each in zip(speech, messages, strict=True)])
    torch.testing.assert_close(marker.watermark(speech, messages), single, atol=1e-6, rtol=1e-3)
    read = torch.cat([marker.detect(one[None])[1] for one in speech])
    torch.testing.assert_close(marker.detect(speech)[1], read, atol=1e-5, rtol=1e-3)


def assert_resumes(
    plugin: Watermark,
    sources: dict[str, object],
    draws: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Assert that a training that is killed in its fourth step resumes to the same weights and history.

    ``draws`` is the module whose ``random_crops`` each step calls.
    """
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 2)
    whole = plugin.obtain(Sources(**sources, folder=folder / "whole"))  # type: ignore[arg-type]
    draw, drawn = draws.random_crops, []

    def killed(*arguments):
        drawn.append(1)
        if len(drawn) > 3:
            raise KeyboardInterrupt
        return draw(*arguments)

    interrupted = Sources(**sources, folder=folder / "killed")  # type: ignore[arg-type]
    monkeypatch.setattr(draws, "random_crops", killed)
    with pytest.raises(KeyboardInterrupt):
        plugin.obtain(interrupted)
    assert (interrupted.folder / "checkpoint.pt").exists()
    monkeypatch.setattr(draws, "random_crops", draw)
    assert equal_weights(plugin.obtain(interrupted), whole)
    histories = [(folder / name / "history.csv").read_text() for name in ("whole", "killed")]
    assert histories[0] == histories[1]
    assert not list(interrupted.folder.glob("*.pt"))
