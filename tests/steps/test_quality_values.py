"""Values of metrics that are none."""

import numpy as np
import pytest

from sanguinaria.metrics import Unscorable
from sanguinaria.steps.quality import value_or_problem


def unscorable():
    raise Unscorable("silence")


@pytest.mark.parametrize("value", [None, float("nan"), np.float32("nan")])
def test_a_metric_that_forgets_to_raise_has_no_value(value):
    assert value_or_problem(lambda: value) == (None, f"the metric's value is {value}")


def test_numbers_and_reasons_are_kept():
    assert value_or_problem(lambda: 0.0) == (0.0, "")
    assert value_or_problem(lambda: float("inf")) == (float("inf"), "")
    assert value_or_problem(unscorable) == (None, "silence")
