"""How much of a mark is heard: by hand for a tile, monotone, masked by the speech, and finite in silence."""

import math

import pytest
import torch

from sanguinaria.watermarks._audibility import audibility, disturbance, loudness

CPU = torch.device("cpu")
RATE = 16_000
NOISE = 0.1 * torch.randn(3, RATE, generator=torch.Generator().manual_seed(0))
MARKS = torch.randn(3, RATE, generator=torch.Generator().manual_seed(1))
# The least value: the floor under the root.
NOTHING = math.sqrt(1e-9)


@pytest.fixture(scope="module")
def measure():
    return audibility(RATE, CPU)


def test_zwickers_law():
    found = loudness(torch.tensor([0.0, 1e-6, 1.0], dtype=torch.float64))
    assert found.tolist() == pytest.approx([0, 2**0.23 - 1, 1_000_001**0.23 - 1])


@pytest.mark.parametrize(
    ("before", "after", "weight"),
    [
        (1.0, 2.4, None),  # in the dead zone
        (1.0, 0.1, 0.0),  # taken away
        (0.0, 1e-5, 0.0),  # heard, but below the least ratio: 2 ** 1.2 = 2.3
        (1.0, 4.0, 4.0**1.2),
        (1.0, 1000.0, 12.0),  # at the largest
    ],
)
def test_one_tile_by_hand(before, after, weight):
    loudnesses = [(1 + energy / 1e-6) ** 0.23 - 1 for energy in (before, after)]
    heard = max(0.0, abs(loudnesses[1] - loudnesses[0]) - 0.25 * min(loudnesses))
    assert (heard == 0) == (weight is None)
    expected = math.sqrt(heard**2 + 1e-9) + 0.309 * heard * (weight or 0)
    found = disturbance(*torch.tensor([[[[before]]], [[[after]]]], dtype=torch.float64))
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_a_louder_mark_is_heard_better(measure):
    values = [float(measure(MARKS * 10 ** (level / 20), NOISE)) for level in range(-45, 11, 5)]
    assert values == sorted(values)
    assert values[0] < 0.01 < 100 < values[-1]


def test_far_below_the_speech_nothing_is_heard(measure):
    marks = (1e-3 * NOISE.flip(1)).requires_grad_()
    value = measure(marks, NOISE)
    value.backward()
    assert value.item() == pytest.approx(NOTHING)
    assert not marks.grad.any()


def test_a_mark_in_another_band_is_not_masked(measure):
    time = torch.arange(RATE) / RATE
    low, high = (0.1 * torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (500, 6000))
    assert measure(0.1 * low, low) < 0.2 * measure(0.1 * high, low)


def test_the_level_of_both_does_not_matter(measure):
    torch.testing.assert_close(measure(0.03 * MARKS, NOISE), measure(0.003 * MARKS, 0.1 * NOISE), rtol=1e-3, atol=0)


@pytest.mark.parametrize("level", [0.0, 0.01, 1.0])
def test_in_digital_silence_it_is_finite_and_has_a_gradient(measure, level):
    marks = (level * MARKS).requires_grad_()
    value = measure(marks, torch.zeros(3, RATE))
    value.backward()
    assert value.isfinite() and (value > NOTHING * 1.01) == (level > 0)
    assert marks.grad.isfinite().all()


def test_each_utterance_counts_for_itself(measure):
    speech = NOISE * torch.tensor([[0.01], [0.1], [1.0]])
    single = torch.stack([measure(0.01 * mark[None], one[None]) for mark, one in zip(MARKS, speech, strict=True)])
    torch.testing.assert_close(measure(0.01 * MARKS, speech), single.mean())
