"""The field's usual tests: as scipy computes them, and their false confirmations of models without the data."""

import numpy as np
import pytest
from scipy import stats

from sanguinaria.statistics.ownership.several_claims import confirmed_claims, mean_e_value
from sanguinaria.statistics.ownership.usual_tests import invalid_binomial_test, invalid_paired_t_test


def test_the_t_test_is_scipy_s():
    random = np.random.default_rng(0)
    marked, unmarked = random.random((2, 30))
    reference = stats.ttest_rel(marked, unmarked + 0.1, alternative="greater").pvalue
    assert invalid_paired_t_test(marked, unmarked, 0.1) == pytest.approx(reference)
    assert invalid_paired_t_test(np.ones(5), np.zeros(5)) == 0.0


def test_the_t_test_confirms_many_models_without_the_data():
    """A model's own reaction to the mark, N(0, 0.05), is not what its utterances vary by."""
    random = np.random.default_rng(8)
    reactions = random.normal(0, 0.05, size=(800, 1))
    differences = reactions + random.normal(0, 0.2, size=(800, 100))
    p_values = np.array([invalid_paired_t_test(row, np.zeros(100), margin=0.0) for row in differences])
    share = (p_values <= 0.01).mean()
    standard = np.sqrt(0.05**2 + 0.2**2 / 100)
    # With this many utterances the test is nearly one of z = 2.33 standard errors.
    assert share == pytest.approx(stats.norm.sf(stats.norm.isf(0.01) * 0.02 / standard), abs=0.04)
    assert share > 0.15


def test_the_binomial_test_confirms_most_models_that_favour_the_target_label():
    random = np.random.default_rng(9)
    hits = random.binomial(100, 0.215, size=2000)
    rejected = np.mean([invalid_binomial_test(int(count), 100, 10) <= 0.01 for count in hits])
    # 19 of 100 is the least number of hits with P(Bin(100, 0.1) ≥ 19) ≤ 0.01.
    assert rejected == pytest.approx(stats.binom.sf(18, 100, 0.215), abs=0.03) and rejected > 0.7


def test_several_claims():
    assert confirmed_claims([0.01, 0.04, 0.03], 0.05) == [True, False, False]
    assert mean_e_value([300.0, 0.0, 0.0]) == 100.0
