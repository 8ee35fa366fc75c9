"""Reverberation and re-recording: reverberation times, energy ratios and a microphone's band."""

import numpy as np
import pytest
import torch
from scipy import signal

from sanguinaria.audio import room_acoustics
from sanguinaria.core.errors import InputError
from sanguinaria.distortions.reverberation import Reverberation
from tests.sounds import RATE, apply_distortion, build_distortion, lag, reverberation_time, seeded_generator, speech


@pytest.mark.parametrize("rt60", [0.2, 0.6])
def test_reverberation_has_its_reverberation_time_and_energy_ratio(rt60):
    room = build_distortion(kind="reverberation", rt60=rt60, direct_to_reverberant=3)
    assert isinstance(room, Reverberation)
    responses = room.responses(4, RATE, seeded_generator()).numpy()
    assert [reverberation_time(response) for response in responses] == pytest.approx([rt60] * 4, rel=0.1)
    ratios = 10 * np.log10(responses[:, 0] ** 2 / (responses[:, 1:] ** 2).sum(-1))
    assert ratios == pytest.approx(np.full(4, 3.0), abs=1e-3)


def test_the_direct_sound_is_not_delayed():
    impulse = torch.zeros(1, RATE)
    impulse[0, 1000] = 1
    reverberant = apply_distortion(impulse, kind="reverberation")[0]
    assert reverberant[:1000].abs().max() < 1e-5
    assert float(reverberant[1000]) == pytest.approx(1, abs=1e-5)
    assert int(reverberant.abs().argmax()) == 1000
    x = speech(1, 4 * RATE)
    assert lag(x[0].numpy(), apply_distortion(x, kind="rerecording")[0].numpy()) in (0, 1, 2)  # of the causal filter


@pytest.mark.parametrize(("dimensions", "rt60"), [((5.0, 4.0, 3.0), 0.3), ((8.0, 6.0, 3.0), 0.5)])
def test_a_simulated_room_has_its_reverberation_time(dimensions, rt60):
    response = room_acoustics.room_impulse_response(dimensions, rt60, 1.0, RATE)
    assert reverberation_time(response) == pytest.approx(rt60, rel=0.05)
    assert response[0] == 1 and np.abs(response).max() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distance": 6}, "no point 6 m from its loudspeaker"),
        ({"rt60": 0.1}, "no absorption gives a room of 5 × 4 × 3 m"),
    ],
)
def test_an_impossible_room_is_an_error(settings, message):
    with pytest.raises(InputError, match=message):
        apply_distortion(speech(), kind="rerecording", **settings)


def test_a_rerecording_has_the_band_and_the_noise_of_its_microphone():
    noise = apply_distortion(torch.ones(1, RATE) * 1e-3, kind="rerecording", snr=-20)
    density = signal.welch(noise.numpy()[0], RATE, nperseg=1024)[1]
    level = 10 * np.log10(density / density[128])  # 2 kHz
    assert level[1] < -20 and level[-1] < -6
    assert apply_distortion(speech(1, 8000, 8000), 8000, kind="rerecording").shape == (1, 8000)
