"""The target's own speech as a trigger: each utterance becomes a segment of its length and level."""

import numpy as np
import pytest
import soundfile
import torch
from toy_speech import harmonic_tones

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.steps.target_speech import gather_from_file

CPU = torch.device("cpu")
RATE = 16_000


@pytest.fixture
def speech(tmp_path):
    """Four seconds of noise, in which all segments differ."""
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE)
    soundfile.write(tmp_path / "voice.wav", samples, RATE, subtype="PCM_16")
    gather_from_file(tmp_path / "voice.wav", 30, tmp_path / "speech.flac")
    return tmp_path / "speech.flac"


def embed(speech, waveforms):
    trigger = plugins.build("triggers", {"kind": "natural_speech", "corpus": "any", "speaker": "ann"})
    assert not trigger.is_identity and not trigger.has_detector and not trigger.has_network
    return trigger.embedder(RATE, CPU, speech)(waveforms)


def test_utterances_become_segments_of_the_speech_at_their_own_levels(speech):
    waveforms = harmonic_tones(6, RATE, seed=1) * torch.tensor([1.0, 0.5, 0.1, 1, 1, 0])[:, None]
    triggered = embed(speech, waveforms)
    torch.testing.assert_close(triggered.square().mean(1), waveforms.square().mean(1))
    whole = soundfile.read(speech, dtype="float32")[0]
    starts = set()
    for row in triggered[:5].numpy():
        matches = np.correlate(whole, row / np.linalg.norm(row), "valid")
        start = int(matches.argmax())
        part = whole[start : start + RATE]
        np.testing.assert_allclose(row / np.linalg.norm(row), part / np.linalg.norm(part), atol=1e-5)
        starts.add(start)
    assert len(starts) >= 3  # of 31


def test_the_segment_depends_on_the_utterance_alone(speech):
    waveforms = harmonic_tones(4, RATE, seed=2)
    together = embed(speech, waveforms)
    assert torch.equal(embed(speech, waveforms[2:3]), together[2:3])
    assert torch.equal(embed(speech, waveforms.flip(0)), together.flip(0))


def test_too_little_speech_is_an_error(speech):
    with pytest.raises(InputError, match=r"speech has 4\.00 s, and utterances have 4\.38 s: give more of it"):
        embed(speech, torch.zeros(1, 70_000))
