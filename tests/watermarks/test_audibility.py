"""Audibility of marks: by hand for one cell, monotone in the level, masked by the speech, and finite in silence."""

import math

import pytest
import torch

from sanguinaria.watermarks._audibility import audibility, disturbance, loudness

CPU = torch.device("cpu")
RATE = 16_000
NOISE = 0.1 * torch.randn(3, RATE, generator=torch.Generator().manual_seed(0))
MARKS = torch.randn(3, RATE, generator=torch.Generator().manual_seed(1))
# The minimum: the floor under the root.
INAUDIBLE = math.sqrt(1e-9)


@pytest.fixture(scope="module")
def measure():
    return audibility(RATE, CPU)


def test_zwickers_law():
    loudnesses = loudness(torch.tensor([0.0, 1e-6, 1.0], dtype=torch.float64))
    assert loudnesses.tolist() == pytest.approx([0, 2**0.23 - 1, 1_000_001**0.23 - 1])


@pytest.mark.parametrize(
    ("before", "after", "weight"),
    [
        (1.0, 2.4, None),  # in the dead zone
        (1.0, 0.1, 0.0),  # removed
        (0.0, 1e-5, 0.0),  # audible, but below the minimum ratio: 2 ** 1.2 = 2.3
        (1.0, 4.0, 4.0**1.2),
        (1.0, 1000.0, 12.0),  # at the maximum ratio
    ],
)
def test_one_cell_by_hand(before, after, weight):
    loudnesses = [(1 + energy / 1e-6) ** 0.23 - 1 for energy in (before, after)]
    audible = max(0.0, abs(loudnesses[1] - loudnesses[0]) - 0.25 * min(loudnesses))
    assert (audible == 0) == (weight is None)
    expected = math.sqrt(audible**2 + 1e-9) + 0.309 * audible * (weight or 0)
    value = disturbance(*torch.tensor([[[[before]]], [[[after]]]], dtype=torch.float64))
    assert float(value) == pytest.approx(expected, rel=1e-3)


def test_audibility_increases_with_the_level(measure):
    values = [float(measure(MARKS * 10 ** (level / 20), NOISE)) for level in range(-45, 11, 5)]
    assert values == sorted(values)
    assert values[0] < 0.01 < 100 < values[-1]


def test_a_mark_far_below_the_speech_is_inaudible(measure):
    marks = (1e-3 * NOISE.flip(1)).requires_grad_()
    value = measure(marks, NOISE)
    value.backward()
    assert value.item() == pytest.approx(INAUDIBLE)
    assert not marks.grad.any()


def test_a_mark_in_another_band_is_not_masked(measure):
    time = torch.arange(RATE) / RATE
    low, high = (0.1 * torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (500, 6000))
    assert measure(0.1 * low, low) < 0.2 * measure(0.1 * high, low)


def test_a_gain_of_both_changes_nothing(measure):
    torch.testing.assert_close(measure(0.03 * MARKS, NOISE), measure(0.003 * MARKS, 0.1 * NOISE), rtol=1e-3, atol=0)


@pytest.mark.parametrize("level", [0.0, 0.01, 1.0])
def test_in_digital_silence_it_is_finite_and_has_a_gradient(measure, level):
    marks = (level * MARKS).requires_grad_()
    value = measure(marks, torch.zeros(3, RATE))
    value.backward()
    assert value.isfinite() and (value > INAUDIBLE * 1.01) == (level > 0)
    assert marks.grad.isfinite().all()


def test_a_batch_is_the_mean_of_its_utterances(measure):
    speech = NOISE * torch.tensor([[0.01], [0.1], [1.0]])
    single = torch.stack([measure(0.01 * mark[None], one[None]) for mark, one in zip(MARKS, speech, strict=True)])
    torch.testing.assert_close(measure(0.01 * MARKS, speech), single.mean())
