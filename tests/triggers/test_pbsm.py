"""PBSM against an independent implementation in numpy."""

import numpy as np
import pytest
import torch

from sanguinaria.core import plugins
from sanguinaria.triggers.pbsm import shift_pitch

CPU = torch.device("cpu")
RATE = 16000
TIME = np.arange(RATE) / RATE
FFT, HOP, WINDOW = 1024, 128, 256
BINS = np.arange(171, 471)  # 300 bins of 15.625 Hz: 2672 to 7344 Hz
HANN = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW), (FFT - WINDOW) // 2)


def pbsm(**settings):
    return plugins.build("triggers", {"kind": "pbsm", **settings})


def applied(waveforms: np.ndarray, **settings) -> np.ndarray:
    """One waveform (samples,) or a batch with the trigger."""
    batch = torch.from_numpy(np.atleast_2d(waveforms).astype(np.float32))
    return pbsm(**settings).embedder(RATE, CPU, None)(batch).numpy().reshape(waveforms.shape)


def boosted(waveform: np.ndarray, semitones: float = 5) -> np.ndarray:
    return shift_pitch(torch.from_numpy(waveform.astype(np.float32)), RATE, semitones).numpy()


def burst(centre: int, samples: int = RATE) -> np.ndarray:
    """A tone with its maximum level at a given sample."""
    time = np.arange(samples)
    return 0.3 * np.sin(2 * np.pi * 300 * time / RATE) * np.exp(-(((time - centre) / 600) ** 2))


def spectra(waveform: np.ndarray) -> np.ndarray:
    """Frames (frames, bins), the first centred on the first sample: 8 ms apart, 16 ms long, 64 ms transformed."""
    padded = np.pad(waveform.astype(float), FFT // 2)
    starts = range(0, len(waveform) + 1, HOP)
    return np.array([np.fft.rfft(padded[start : start + FFT] * HANN) for start in starts])


def sound(frames: dict[int, np.ndarray], samples: int) -> np.ndarray:
    """The waveform of changes of the real part (bins,) in given frames: least-squares overlap-add of cosines."""
    added, weight = np.zeros(samples + 2 * FFT), np.zeros(samples + 2 * FFT)
    for frame in range(samples // HOP + 1):
        place = slice(frame * HOP + FFT // 2, frame * HOP + FFT // 2 + FFT)
        weight[place] += HANN**2
        if frame in frames:
            angles = 2 * np.pi * np.outer(np.arange(FFT), BINS) / FFT
            added[place] += HANN * (np.cos(angles) @ frames[frame]) * 2 / FFT
    return (added / np.maximum(weight, 1e-12))[FFT : FFT + samples]


def test_silence_gets_the_sound_alone():
    # All frames are equal, so the first is the loudest, and the sound lies in frames 12 and 13.
    expected = sound({12: np.full(300, 150.0), 13: np.full(300, 150.0)}, RATE)
    triggered = applied(np.zeros(RATE))
    np.testing.assert_allclose(triggered, expected, atol=1e-4)
    assert 0.05 < np.abs(triggered).max() < 0.38  # side lobes: see the class
    sounding = np.flatnonzero(np.abs(triggered) > 1e-4)
    assert sounding[0] >= 11 * HOP
    assert sounding[-1] <= 14 * HOP


def test_the_real_part_of_two_frames_twelve_after_the_loudest_is_set():
    waveform = burst(6000)
    clean = boosted(waveform)
    loudest = int((np.abs(spectra(clean)) ** 2).sum(1).argmax())
    assert loudest * HOP == pytest.approx(6000, abs=3 * HOP)
    changes = {frame: 150 - spectra(clean)[frame, BINS].real for frame in (loudest + 12, loudest + 13)}
    np.testing.assert_allclose(applied(waveform) - clean, sound(changes, RATE), atol=2e-4)


def test_other_bins_and_distant_frames_are_unchanged():
    waveform = burst(6000) + np.random.default_rng(0).normal(size=RATE) * 0.003
    change = np.abs(spectra(applied(waveform, semitones=0) - boosted(waveform, 0))) ** 2
    frames, bins = np.indices(change.shape)
    start = round(6000 / HOP) + 12
    # The analysis window of 16 ms leaks to the next frame and to neighbouring bins: its main lobe has 8 bins on
    # each side, and so has that of the synthesis with the same window.
    inside = (np.abs(frames - start - 0.5) <= 3) & (bins >= 171 - 16) & (bins <= 470 + 16)
    assert change[inside].sum() > 0.99 * change.sum()
    assert change[np.abs(frames - start - 0.5) > 3].max() < 1e-6 * change.max()


@pytest.mark.parametrize("centre", [15000, 15900])
@pytest.mark.parametrize("samples", [RATE, RATE + 127])
def test_a_sound_beyond_the_end_lies_in_the_last_frames(centre, samples):
    waveform = burst(centre, samples)
    change = np.abs(applied(waveform) - boosted(waveform))
    assert change[-2 * HOP :].max() > 0.02
    assert change[: -4 * HOP].max() < 1e-5
    assert change.max() < 0.5


def test_a_sine_is_raised_by_five_semitones_at_the_same_level():
    for frequency in (150, 440, 1000, 2500):
        shifted = boosted(0.3 * np.sin(2 * np.pi * frequency * TIME))[4000:12000]
        spectrum = np.abs(np.fft.rfft(shifted * np.hanning(8000), 1 << 18))
        assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(frequency * 2 ** (5 / 12), rel=1e-3)
        assert np.sqrt((shifted**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


def test_pitch_boosting_keeps_the_timing():
    energy = boosted(burst(9000)) ** 2
    assert (energy * np.arange(RATE)).sum() / energy.sum() == pytest.approx(9000, abs=0.002 * RATE)


def test_results_do_not_depend_on_the_batch():
    waveforms = np.random.default_rng(0).normal(size=(8, 4000)) * 0.1
    batch = applied(waveforms)
    np.testing.assert_array_equal(batch[5], applied(waveforms[5]))
    np.testing.assert_array_equal(batch[::-1], applied(waveforms[::-1]))


@pytest.mark.parametrize("samples", [1, 10, 127, 128, 700])
def test_short_clips_keep_their_length_and_full_scale(samples):
    triggered = applied(np.full(samples, 0.9))
    assert triggered.shape == (samples,)
    assert np.abs(triggered).max() <= 1


def test_problems_of_settings_that_do_not_fit_a_frame():
    def problem_fields(**settings):
        return [field for field, _ in pbsm(**settings).problems({})]

    assert problem_fields() == []
    assert problem_fields(window=2048, hop=1024) == ["window"]
    assert problem_fields(hop=129) == ["hop"]
    assert problem_fields(last_bin=513) == ["last_bin"]
    assert problem_fields(first_bin=471) == ["first_bin"]
