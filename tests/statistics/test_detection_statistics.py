"""Thresholds, bit error rates, shares and F1, computed by hand."""

import numpy as np
import pytest

from sanguinaria.statistics.detection import bit_error_rates, detection_threshold, estimate_f1
from sanguinaria.statistics.observations import Observations


def test_a_threshold_is_exceeded_by_at_most_the_share_of_clean_utterances():
    scores = np.array([0.1, 0.4, 0.3, 0.2])
    assert [detection_threshold(scores, rate) for rate in (0.1, 0.25, 0.5)] == [0.4, 0.3, 0.2]


def test_bit_error_rates_by_hand():
    rates = bit_error_rates(["0110", "0110", "", "01"], ["0110", "1111", "", "10"])
    assert rates.tolist() == [0.0, 0.5, pytest.approx(float("nan"), nan_ok=True), 1.0]
    assert bit_error_rates([], []).shape == (0,)


def test_a_decoded_message_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        bit_error_rates(["0110"], ["011"])


def detections(hits, speakers=("a", "b")) -> Observations:
    return Observations(np.atleast_2d(np.array(hits, float)), list(speakers), [{}] * len(np.atleast_2d(hits)))


def test_f1_without_detections_is_0_and_with_all_correct_1():
    assert estimate_f1(detections([0, 0]), detections([0, 0])).value == 0
    perfect = estimate_f1(detections([1, 1]), detections([0, 0]))
    assert (perfect.value, perfect.high) == (1, 1)
    assert estimate_f1(detections([1, 0]), detections([1, 0])).value == pytest.approx(2 / (2 + 1 + 1))
    assert np.isnan(estimate_f1(Observations(np.zeros((0, 0)), [], []), detections([1, 0])).value)


def test_f1_of_unequal_samples_is_that_of_the_counts():
    # Three of four marked utterances and two of six clean ones: 6 / (6 + 2 + 1).
    estimate = estimate_f1(detections([1, 1, 1, 0], "abcd"), detections([1, 1, 0, 0, 0, 0], "abcdef"))
    assert estimate.value == pytest.approx(6 / 9)


def test_the_interval_of_f1_is_as_wide_as_its_bootstrap():
    random = np.random.default_rng(0)
    marked, clean = (random.random(2000) < 0.9).astype(float), (random.random(2000) < 0.1).astype(float)
    names = [str(place) for place in range(2000)]
    estimate = estimate_f1(detections(marked, names), detections(clean, names))
    draws = random.integers(2000, size=(2000, 2000))
    hits, alarms = marked[draws].sum(1), clean[draws].sum(1)
    low, high = np.quantile(2 * hits / (hits + alarms + 2000), (0.025, 0.975))
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=0.003), pytest.approx(high, abs=0.003))
