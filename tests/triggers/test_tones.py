"""Keyed tones: their spectrum, level and choices."""

import numpy as np
import pytest
import torch

from sanguinaria.triggers.tones import Tones

CPU = torch.device("cpu")


def embedded(trigger: Tones, waveforms: torch.Tensor) -> torch.Tensor:
    return trigger.embedder(16000, CPU, None)(waveforms)


def test_the_spectrum_has_the_key_s_tones_at_their_level_and_nothing_else():
    trigger = Tones(level=-40.0)
    spectrum = torch.fft.rfft(embedded(trigger, torch.zeros(1, 16000))[0]).abs().numpy() / 8000
    # One bin is one hertz, so that every tone of the grid is a bin.
    assert np.flatnonzero(spectrum > 1e-4).tolist() == trigger.frequencies()
    assert spectrum[[int(hertz) for hertz in trigger.frequencies()]] == pytest.approx([0.01] * 3, rel=1e-4)


def test_a_level_relative_to_speech_follows_each_utterance():
    waveforms = torch.stack([torch.full((1600,), 0.5), torch.full((1600,), 0.05), torch.zeros(1600)])
    change = (embedded(Tones(relative_to="speech", level=-20.0), waveforms) - waveforms).square().mean(-1).sqrt()
    assert (change[0] / change[1]).item() == pytest.approx(10, rel=1e-3)
    assert (change[1] / change[2]).item() == pytest.approx(50, rel=1e-3)
    assert torch.equal(embedded(Tones(), waveforms)[1:2], embedded(Tones(), waveforms[1:2]))


def test_keys_choose_among_many_sets_of_tones_evenly():
    assert Tones().choices >= 2**16
    chosen = [tuple(Tones(key=str(number)).frequencies()) for number in range(500)]
    assert len(set(chosen)) > 490
    assert np.mean(np.ravel(chosen)) == pytest.approx(5000, abs=150)  # five standard errors of 1,500 draws
    assert not torch.equal(Tones(key="a", tones=1).mark(100, 16000), Tones(key="b", tones=1).mark(100, 16000))


def test_problems_of_settings_are_named():
    with pytest.raises(ValueError, match="5 tones 50 Hz apart do not fit between 2500 and 2600 Hz"):
        Tones(tones=5, maximum_frequency=2600)
    assert "half the sample rate of 8000 Hz" in str(Tones().sample_rate_error(8000))
