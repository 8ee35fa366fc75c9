"""JingleBack's effects on simple sounds whose result is known."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from sanguinaria.core import plugins

CPU = torch.device("cpu")
RATE = 16000
TIME = np.arange(RATE) / RATE
BOARDS = range(6)


def applied(board: int, waveforms: np.ndarray) -> np.ndarray:
    """One waveform (samples,) or a batch with a board's style."""
    trigger = plugins.build("triggers", {"kind": "jingleback", "board": board})
    batch = torch.from_numpy(np.atleast_2d(waveforms).astype(np.float32))
    return trigger.embedder(RATE, CPU, None)(batch).numpy().reshape(waveforms.shape)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape) * 0.1


def peak_frequency(waveform: np.ndarray) -> float:
    middle = waveform[4000:12000] * np.hanning(8000)
    return np.argmax(np.abs(np.fft.rfft(middle, 1 << 17))) * RATE / (1 << 17)


@pytest.mark.parametrize("board", BOARDS)
def test_results_do_not_depend_on_the_batch(board):
    waveforms = noise(8, 4000)
    batch = applied(board, waveforms)
    assert batch.shape == waveforms.shape
    np.testing.assert_array_equal(batch[5], applied(board, waveforms[5]))
    np.testing.assert_array_equal(batch[::-1], applied(board, waveforms[::-1]))


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("samples", [1, 50, 700])
def test_short_clips_keep_their_length(board, samples):
    styled = applied(board, np.full(samples, 0.1))
    assert styled.shape == (samples,)
    assert np.isfinite(styled).all()


@pytest.mark.parametrize("board", BOARDS)
def test_silence_stays_silent(board):
    assert not applied(board, np.zeros(4000)).any()


@pytest.mark.parametrize("board", BOARDS)
def test_the_result_is_within_full_scale(board):
    loud = applied(board, np.sign(noise(4000)))
    assert np.abs(loud).max() <= 1


def test_board_0_raises_the_pitch_by_ten_semitones():
    for frequency in (150, 440, 1000):
        shifted = applied(0, 0.3 * np.sin(2 * np.pi * frequency * TIME))
        assert peak_frequency(shifted) == pytest.approx(frequency * 2 ** (10 / 12), rel=0.02)


def test_board_0_does_not_delay():
    burst = np.zeros(RATE)
    burst[7600:8400] = 0.5 * np.sin(2 * np.pi * 500 * TIME[:800]) * np.hanning(800)
    energy = applied(0, burst) ** 2
    assert (energy * np.arange(RATE)).sum() / energy.sum() == pytest.approx(8000, abs=0.02 * RATE)


def test_board_1_is_a_hyperbolic_tangent_of_30_db():
    waveform = noise(4000)
    np.testing.assert_allclose(applied(1, waveform), np.tanh(waveform * 10 ** (30 / 20)), atol=1e-5)


def test_board_2_mixes_equal_shares_of_the_sound_and_its_delay():
    pulse = np.zeros(4000)
    pulse[1000] = 0.5
    chorus = applied(2, pulse)
    assert chorus[1000] == pytest.approx(0.25)
    assert np.abs(chorus).sum() == pytest.approx(0.5, rel=0.02)
    assert not chorus[:1000].any()


def test_board_3_shifts_before_it_distorts():
    styled = applied(3, 0.3 * np.sin(2 * np.pi * 440 * TIME))
    assert peak_frequency(styled) == pytest.approx(440 * 2 ** (10 / 12), rel=0.02)
    # A distorted sine has odd harmonics: the third is that of the shifted pitch.
    spectrum = np.abs(np.fft.rfft(styled[4000:12000] * np.hanning(8000)))  # bins of 2 Hz
    third = round(3 * peak_frequency(styled) / 2)
    assert spectrum[third - 20 : third + 20].max() > 0.05 * spectrum.max()


def test_board_4_reverberates():
    burst = np.zeros(RATE)
    burst[:800] = 0.5 * np.sin(2 * np.pi * 500 * TIME[:800])
    styled = applied(4, burst)
    tail = [np.square(styled[start : start + 2000]).sum() for start in (2000, 4000, 8000, 12000)]
    assert all(earlier > later > 0 for earlier, later in pairwise(tail))


def test_board_5_gains_12_db_above_its_high_pass():
    def gain(frequency):
        # At a low level, as the ladder filter distorts loud sounds. The phaser attenuates at times; the peak is the
        # gain without it.
        tone = 0.005 * np.sin(2 * np.pi * frequency * TIME)
        return 20 * np.log10(np.abs(applied(5, tone)[1000:]).max() / 0.005)

    assert gain(6000) == pytest.approx(12, abs=1)
    # A second-order high-pass loses 40 dB a decade: 12 − 40 at a tenth of its cut-off frequency.
    assert gain(100) == pytest.approx(12 - 40, abs=4)


def test_there_are_six_boards():
    with pytest.raises(ValueError, match="less than or equal to 5"):
        plugins.build("triggers", {"kind": "jingleback", "board": 6})
