"""A training's quality: it rises while messages are read, and no further than to 1."""

import pytest

from sanguinaria.watermarks._audioseal.training import LEARNING_SHARE as LEARNING
from sanguinaria.watermarks._invertible.curriculum import (
    LEAST_QUALITY,
    SETTLED,
    advance,
    begun,
    perceptual_share,
    ratio_at,
)


def test_marks_get_quieter_only_while_they_are_read():
    unread, read = begun(0.25), begun(0.25)
    for _ in range(100):
        assert not advance(unread, 0.25, 0.12, 100)
        reads = advance(read, 0.01, 0.12, 100)
    assert reads
    assert [ratio_at((8.0, 30.0), progress["quality"]) for progress in (unread, read)] == [8.0, 30.0]
    assert ratio_at((8.0, 30.0), 0.5) == 19.0
    assert ratio_at(None, 0.5) is None


def test_what_is_no_longer_read_keeps_its_quality():
    progress = begun(0.0)
    advance(progress, 0.0, 0.12, 100)
    # In time for the last steps, where reading took as long as it may.
    assert progress["quality"] == pytest.approx(1 / ((1 - SETTLED) * (1 - LEARNING) * 100))
    assert not advance(progress, 10.0, 0.12, 100)
    assert progress["quality"] == pytest.approx(1 / ((1 - SETTLED) * (1 - LEARNING) * 100))


def test_what_is_heard_of_a_mark_never_counts_for_nothing():
    assert perceptual_share({"quality": 0.0}, gradual=True) == LEAST_QUALITY > 0
    assert perceptual_share({"quality": 0.4}, gradual=True) == 0.4
    assert perceptual_share({"quality": 0.4}, gradual=False) == 1.0
