"""Thresholds, bit error rates, shares and F1, computed by hand."""

import numpy as np
import pytest

from sanguinaria.statistics.detection import (
    Detections,
    bit_error_rates,
    detection_threshold,
    estimate_f1,
    estimate_share,
)


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


def test_the_interval_of_a_share_is_over_speakers_and_over_seeds():
    # Two speakers with equal shares in all their utterances: a resample has one, both, or the other.
    one = estimate_share(np.array([[0.0, 0.0, 1.0, 1.0]]), ["a", "a", "b", "b"])
    assert (one.value, one.low, one.high) == (0.5, 0.0, 1.0)
    constant = estimate_share(np.array([[0.25, 0.25], [0.25, 0.25]]), ["a", "b"])
    assert (constant.value, constant.low, constant.high) == (0.25, 0.25, 0.25)
    several = estimate_share(np.array([[0.2, 0.2], [0.4, 0.4]]), ["a", "b"])
    # Student's t of one degree of freedom is 12.7: 0.3 ± 1.27, within [0, 1].
    assert (several.value, several.low, several.high) == (pytest.approx(0.3), 0.0, 1.0)


def test_f1_without_detections_is_0_and_with_all_correct_1():
    def detections(hits: list[int]) -> Detections:
        return Detections(np.array([hits], bool), ["a", "b"])

    assert estimate_f1(detections([0, 0]), detections([0, 0])).value == 0
    perfect = estimate_f1(detections([1, 1]), detections([0, 0]))
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    assert estimate_f1(detections([1, 0]), detections([1, 0])).value == pytest.approx(2 / (2 + 1 + 1))
