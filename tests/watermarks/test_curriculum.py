"""Curriculum of a watermark's training."""

import pytest

from sanguinaria.watermarks._invertible.curriculum import (
    FINAL_SHARE,
    LEARNING_SHARE,
    MINIMUM_PERCEPTUAL_FACTOR,
    advance,
    initial_progress,
    perceptual_factor,
    ratio_at,
)


def test_ratio_rises_only_while_messages_are_decoded():
    undecoded, decoded = initial_progress(0.25), initial_progress(0.25)
    for _ in range(100):
        assert not advance(undecoded, 0.25, 0.12, 100)
        decodes = advance(decoded, 0.01, 0.12, 100)
    assert decodes
    assert [ratio_at((8.0, 30.0), progress["curriculum"]) for progress in (undecoded, decoded)] == [8.0, 30.0]
    assert ratio_at((8.0, 30.0), 0.5) == 19.0
    assert ratio_at(None, 0.5) is None


def test_curriculum_does_not_fall_where_messages_are_no_longer_decoded():
    progress = initial_progress(0.0)
    advance(progress, 0.0, 0.12, 100)
    # In time for the last steps, where learning to decode took as long as it may.
    assert progress["curriculum"] == pytest.approx(1 / ((1 - FINAL_SHARE) * (1 - LEARNING_SHARE) * 100))
    assert not advance(progress, 10.0, 0.12, 100)
    assert progress["curriculum"] == pytest.approx(1 / ((1 - FINAL_SHARE) * (1 - LEARNING_SHARE) * 100))


def test_perceptual_factor_is_never_0():
    assert perceptual_factor({"curriculum": 0.0}, enabled=True) == MINIMUM_PERCEPTUAL_FACTOR > 0
    assert perceptual_factor({"curriculum": 0.4}, enabled=True) == 0.4
    assert perceptual_factor({"curriculum": 0.4}, enabled=False) == 1.0


@pytest.mark.parametrize("bound", [0.02, 0.08])
def test_under_a_bound_the_curriculum_settles_where_the_error_rate_is_the_bound(bound):
    # Errors grow with imperceptibility, as 0.1·c²: the optimum is c = √(bound / 0.1).
    progress = initial_progress(1.0)
    for _ in range(2000):
        advance(progress, 0.0, 0.12, 2000, error_rate=0.1 * progress["curriculum"] ** 2, bound=bound)
    assert progress["curriculum"] == pytest.approx((bound / 0.1) ** 0.5, rel=0.02)


def test_under_a_bound_the_curriculum_stays_between_0_and_1():
    progress = initial_progress(1.0)
    for error_rate, end in ((0.5, 0.0), (0.0, 1.0), (0.5, 0.0)):
        for _ in range(2000):
            advance(progress, 0.0, 0.12, 2000, error_rate=error_rate, bound=0.02)
        assert progress["curriculum"] == end
