"""Sentences about intervals: over what they are, and what was made once."""

import numpy as np

from sanguinaria.reports.cells import Measured
from sanguinaria.reports.interval_notes import interval_notes
from sanguinaria.statistics.intervals import NO_ESTIMATE, estimate_rate
from sanguinaria.statistics.observations import Observations


def measured(runs) -> Measured:
    values = (np.arange(20 * len(runs)).reshape(len(runs), 20) % 3 > 0).astype(float)
    observations = Observations(values, [str(place // 2) for place in range(20)], runs)
    return Measured(estimate_rate(observations), 20)


def test_an_interval_says_over_what_it_is_and_what_it_leaves_out():
    runs = [{"generator": 0, "poison": seed, "training": seed} for seed in range(3)]
    assert list(interval_notes([measured(runs)])) == [
        "95 % intervals are over 3 of poison+training and 10 of speakers",
        "made once, so that no interval includes their variation: generator",
    ]


def test_lines_that_differ_are_named_with_most_factors_first():
    clean = [{"training": seed} for seed in range(3)]
    crossed = [{"generator": one, "training": two} for one in range(2) for two in range(3)]
    [note] = interval_notes([measured(clean), measured(crossed)])
    assert note.partition("; or over ")[::2] == (
        "95 % intervals are over 2 of generator and 3 of training and 10 of speakers",
        "3 of training and 10 of speakers",
    )


def test_what_was_made_once_has_no_interval():
    [note] = interval_notes([measured([{"poison": 0, "training": 0}]), Measured(NO_ESTIMATE, 0)])
    assert note.startswith("interval not estimated where poison, training had one seed")


def test_where_nothing_is_random_there_is_nothing_to_repeat():
    assert list(interval_notes([measured([{}])])) == ["95 % intervals are over 10 of speakers"]
