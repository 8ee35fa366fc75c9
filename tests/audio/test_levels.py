"""The local level, and marks that follow it."""

import pytest
import torch
from toy_speech import harmonic_tones, random_audioseal

from sanguinaria.audio.levels import MINIMUM_RMS, local_rms
from sanguinaria.watermarks._audioseal.forward import REFERENCE_LEVEL, generate_watermark, normalise_level

WINDOW = 800


def test_the_local_rms_of_a_sine_is_constant():
    sine = 0.3 * torch.sin(2 * torch.pi * 1000 / 16000 * torch.arange(8000))[None]
    assert torch.allclose(local_rms(sine, WINDOW), torch.tensor(0.3 / 2**0.5), rtol=5e-3)


def test_a_step_is_followed_within_a_window():
    stepped = torch.cat([torch.full((1, 4000), 0.01), torch.full((1, 4000), 0.1)], -1)
    level = local_rms(stepped, WINDOW)
    assert torch.allclose(level[0, : 4000 - WINDOW], torch.tensor(0.01), rtol=1e-3)
    assert torch.allclose(level[0, 4000 + WINDOW :], torch.tensor(0.1), rtol=1e-3)
    assert (level.diff() >= -1e-6).all()


@pytest.mark.parametrize("samples", [1, 2, 100, 799, 16001])
def test_the_local_rms_of_silence_of_any_length_is_the_minimum(samples):
    assert torch.equal(local_rms(torch.zeros(2, samples), WINDOW), torch.full((2, samples), MINIMUM_RMS))


def test_normalised_speech_has_the_reference_level_and_the_gain_restores_it():
    speech = harmonic_tones(3, 8000) * torch.tensor([[0.05], [1.0], [2.0]])
    even, gain = normalise_level(speech, WINDOW)
    assert torch.allclose(even * gain, speech)
    assert torch.allclose(even.square().mean(-1).sqrt(), torch.tensor(REFERENCE_LEVEL), rtol=0.05)
    assert normalise_level(speech, 0)[1] == 1.0


def test_a_mark_follows_the_level_of_the_speech():
    plugin = random_audioseal()
    generator = plugin.network("generator", plugin.obtain())
    speech, messages = harmonic_tones(2, 4000), torch.zeros(2, 4, dtype=torch.long)
    with torch.no_grad():
        mark, quieter = (generate_watermark(generator, factor * speech, messages, WINDOW) for factor in (1.0, 0.1))
    assert torch.allclose(quieter, 0.1 * mark, atol=1e-6)


def test_the_marker_makes_what_training_makes():
    plugin = random_audioseal(level_window=0.05)
    weights = plugin.obtain()
    speech, message = harmonic_tones(2, 4000), torch.tensor([1, 0, 1, 1])
    with torch.no_grad():
        trained = generate_watermark(plugin.network("generator", weights), speech, message.expand(2, -1), plugin.window)
    marked = plugin.load(weights, 16_000, torch.device("cpu")).watermark(speech, message)
    assert torch.allclose(trained, marked, atol=1e-5 * float(trained.abs().max()))
