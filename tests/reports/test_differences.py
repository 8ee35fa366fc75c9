"""Paired differences between lines, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sanguinaria.core.columns import Column, Columns
from sanguinaria.reports.cells import Comparisons, Measured
from sanguinaria.reports.differences import Line, differences
from sanguinaria.statistics.intervals import estimate_mean
from sanguinaria.statistics.observations import Observations

NAMES = [str(place) for place in range(20)]
COLUMNS = Columns(
    rate=Column(heading="R", label="rate", better="higher", level=("victim",)),
    pesq=Column(heading="PESQ", label="PESQ", better="higher"),
    error=Column(heading="E", label="error", better="lower", level=("victim",)),
    count=Column(heading="N", label="count"),
)
COMPARISONS = Comparisons(
    factors=("trigger",),
    indifferent={(): ("victim",)},
    is_candidate=lambda factors: factors["trigger"] != "clean",
)


def measured(values) -> Measured:
    observations = Observations(np.array([values], float), NAMES, [{}], NAMES)
    return Measured(estimate_mean(observations), 20, observations=observations)


def line(trigger, victim, **metrics) -> Line:
    return Line({"corpus": "c", "trigger": trigger, "victim": victim}, metrics)


@pytest.fixture
def samples():
    random = np.random.default_rng(0)
    return {name: random.normal(level, 1, 20) for name, level in (("a", 0), ("b", 3), ("c", 0.2))}


def test_each_line_is_compared_with_the_best_of_its_group(samples):
    lines = [line(name, "v", rate=measured(values)) for name, values in samples.items()]
    table = differences(lines, COLUMNS, COMPARISONS).set_index("trigger")
    assert table["best_trigger"].tolist() == ["b", "b"] and list(table.index) == ["a", "c"]
    reference = stats.ttest_rel(samples["a"], samples["b"])
    assert table.loc["a", "difference"] == pytest.approx(samples["a"].mean() - samples["b"].mean())
    assert table.loc["a", "p_value"] == pytest.approx(reference.pvalue)
    assert (table[["corpus", "victim", "metric"]] == ["c", "v", "rate"]).all(axis=None)


def test_holm_s_correction_is_over_all_comparisons_of_the_table(samples):
    lines = [line(name, victim, rate=measured(samples[name])) for victim in "vw" for name in "abc"]
    table = differences(lines, COLUMNS, COMPARISONS)
    assert len(table) == 4
    assert table["p_holm"].min() == pytest.approx(4 * table["p_value"].min())


def test_lower_is_better_where_the_column_says_so(samples):
    lines = [line(name, "v", error=measured(values)) for name, values in samples.items()]
    assert set(differences(lines, COLUMNS, COMPARISONS)["best_trigger"]) == {"a"}


def test_what_does_not_depend_on_the_victim_is_compared_once(samples):
    lines = [line(name, victim, pesq=measured(samples[name])) for victim in "vw" for name in "ab"]
    table = differences(lines, COLUMNS, COMPARISONS)
    assert table[["victim", "trigger"]].to_numpy().tolist() == [["", "a"]]


def test_columns_without_a_better_end_and_lines_that_are_no_candidates_are_not_compared(samples):
    lines = [line(name, "v", count=measured(samples[name])) for name in "ab"]
    lines += [line(name, "v", rate=measured(samples["b"])) for name in ("clean", "a")]
    table = differences(lines, COLUMNS, COMPARISONS)
    assert table.empty and list(table.columns[-1:]) == ["p_holm"]


def test_metrics_without_observations_are_left_out(samples):
    lines = [
        line("a", "v", rate=measured(samples["a"])),
        line("b", "v", rate=Measured(measured(samples["b"]).estimate, 20)),
    ]
    assert differences(lines, COLUMNS, COMPARISONS).empty
    assert isinstance(differences([], COLUMNS, COMPARISONS), pd.DataFrame)
