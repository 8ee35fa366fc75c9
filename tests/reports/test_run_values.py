"""Values of single runs, worked by hand."""

import numpy as np
import pytest

from sanguinaria.reports.cells import Measured
from sanguinaria.reports.differences import Line
from sanguinaria.reports.run_values import run_values
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate, estimate_mean
from sanguinaria.statistics.observations import Observations

RUNS = [{"generator": g, "poison": p, "training": p} for g in (0, 1) for p in (2, 4)]
VALUES = np.array([[0, 1, 1, 1], [1, 1, np.nan, 1], [0, 0, 0, 0], [1, 0, 1, 0]], float)


def measured(values, runs) -> Measured:
    observations = Observations(values, list("aabb"), runs, list("wxyz"))
    return Measured(estimate_mean(observations), values.shape[1], observations=observations)


def test_each_run_has_its_seeds_its_mean_and_its_number_of_utterances() -> None:
    table = run_values([Line({"trigger": "t"}, {"rate": measured(VALUES, RUNS)})], ["trigger"])
    assert list(table) == ["trigger", "metric", "generator", "poison", "training", "value", "scored"]
    assert table[["generator", "training"]].to_numpy().tolist() == [[0, 2], [0, 4], [1, 2], [1, 4]]
    assert table["value"].tolist() == [0.75, 1.0, 0.0, 0.5]
    assert table["scored"].tolist() == [4, 3, 4, 4]
    assert table.groupby("generator")["value"].mean().tolist() == [0.875, 0.25]


def test_seeds_are_missing_where_a_factor_does_not_apply() -> None:
    tone = measured(VALUES[:2], [{"poison": 2, "training": 2}, {"poison": 4, "training": 4}])
    table = run_values([Line({"trigger": "tone"}, {"rate": tone})], ["trigger"])
    assert table["generator"].isna().all()
    assert table["poison"].tolist() == [2, 4]


def test_factors_of_other_kinds_have_columns_of_their_own() -> None:
    attacks = measured(VALUES[:2], [{"attack": "pgd", "training": 1}, {"attack": "noise", "training": 1}])
    table = run_values([Line({"trigger": "t"}, {"si_sdr_db": attacks})], ["trigger"])
    assert table["attack"].tolist() == ["pgd", "noise"] and table["training"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "value",
    [
        Measured(NO_ESTIMATE, 0),
        Measured(Estimate(0.9, 0.8, 1.0), 4, observations=Observations(VALUES[:1] * 0, list("aabb"), [{}])),
    ],
    ids=["not measured", "of influences"],
)
def test_what_is_no_mean_is_left_out(value: Measured) -> None:
    table = run_values([Line({"trigger": "t"}, {"f1": value})], ["trigger"])
    assert table.empty and "value" in table
    assert run_values([], []).empty
