"""Diffusion processes against Monte Carlo, Bayes' rule on a grid, and the ordinary process."""

import numpy as np
import pytest

from sanguinaria.purifiers._diffusion.process import DiffusionProcess, linear_schedule

TDAP = linear_schedule(50, 1e-4, 0.05)
SIX = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5)
SCHEDULES = [TDAP, SIX, linear_schedule(200, 1e-4, 0.02)]


def test_the_schedule_of_the_paper():
    process = DiffusionProcess(TDAP, conditional=True)
    # β in equal distances of 0.0499 / 49, calculated by hand for the first two steps.
    second = 1 - (1e-4 + 0.0499 / 49)
    np.testing.assert_allclose(process.alphas[:3], [1, 0.9999, second])
    np.testing.assert_allclose(process.alpha_bars[2], 0.9999 * second)
    # m_T without the limit, and the first step at which the limit applies.
    unlimited = np.sqrt((1 - process.alpha_bars) / np.sqrt(process.alpha_bars))
    assert unlimited[-1] == pytest.approx(1.167, abs=5e-4)
    assert int((unlimited > 1).argmax()) == 44
    np.testing.assert_array_equal(process.mixing_weights, np.minimum(unlimited, 1))


@pytest.mark.parametrize("betas", SCHEDULES)
@pytest.mark.parametrize("conditional", [True, False])
def test_a_process_begins_with_clean_speech_and_has_no_negative_variances(betas, conditional):
    process = DiffusionProcess(betas, conditional)
    assert (process.alpha_bars[0], process.mixing_weights[0], process.variances[0]) == (1, 0, 0)
    for variances in (process.variances, process.step_variances, process.posterior_variances):
        assert (variances >= 0).all()
    assert (process.variances[1:] > 0).all() and (np.diff(process.mixing_weights) >= 0).all()
    # The last reverse step adds no noise, and x_t never makes x_{t−1} less certain.
    assert process.posterior_variances[1] == 0
    assert (process.posterior_variances[1:] <= process.variances[:-1] + 1e-15).all()


def test_the_variance_below_and_above_the_limit_of_the_mixing_weight():
    # δ_t = 1 − ᾱ − m² ᾱ = (1 − ᾱ)(1 − √ᾱ) with m² = (1 − ᾱ) / √ᾱ; 1 − 2 ᾱ with m = 1.
    process = DiffusionProcess(TDAP, conditional=True)
    bars = process.alpha_bars
    np.testing.assert_allclose(process.variances[:44], ((1 - bars) * (1 - np.sqrt(bars)))[:44], atol=1e-15)
    np.testing.assert_allclose(process.variances[44:], 1 - 2 * bars[44:])


def test_one_step_against_a_calculation_by_hand():
    # With β = 0.19: √ᾱ = 0.9, m² = 0.19 / 0.9, δ = 0.19 · 0.1, and the reverse step gives x_0 by its definition.
    process = DiffusionProcess([0.19], conditional=True)
    assert process.mixing_weights[1] == pytest.approx((0.19 / 0.9) ** 0.5)
    assert process.variances[1] == process.step_variances[1] == pytest.approx(0.019)
    coefficients = (process.current_coefficients[1], process.noisy_coefficients[1], process.noise_coefficients[1])
    assert coefficients == pytest.approx((1 / 0.9, 0.0, 0.19**0.5 / 0.9))


@pytest.mark.parametrize("betas", SCHEDULES)
def test_without_noisy_speech_it_is_the_ordinary_process(betas):
    # Ho et al. (2020), Eq. 7 and 11, in this notation:
    # x_{t−1} = (x_t − β_t / √(1 − ᾱ_t) ε) / √α_t, of variance β_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t).
    process = DiffusionProcess(betas, conditional=False)
    beta = np.array(betas)
    bars = np.cumprod(1 - beta)
    before = np.concatenate([[1.0], bars[:-1]])
    np.testing.assert_allclose(process.variances[1:], 1 - bars)
    np.testing.assert_allclose(process.step_variances[1:], beta)
    np.testing.assert_allclose(process.current_coefficients[1:], 1 / np.sqrt(1 - beta))
    np.testing.assert_allclose(process.noisy_coefficients[1:], 0, atol=1e-15)
    np.testing.assert_allclose(process.noise_coefficients[1:], beta / np.sqrt((1 - bars) * (1 - beta)))
    np.testing.assert_allclose(process.posterior_variances[1:], beta * (1 - before) / (1 - bars), atol=1e-15)


@pytest.mark.parametrize("betas", SCHEDULES)
def test_single_steps_compose_to_the_marginal_distribution(betas):
    """Composition of q(x_t | x_{t−1}, y) of Eq. 8 against q(x_t | x_0, y) of Eq. 3."""
    process = DiffusionProcess(betas, conditional=True)
    clean, noisy = 0.7, -1.3
    random = np.random.default_rng(0)
    current = np.full(200_000, clean)
    for step in range(1, process.steps + 1):
        mixture, earlier = process.mixing_weights[step], process.mixing_weights[step - 1]
        kept = (1 - mixture) / (1 - earlier) if earlier < 1 else 1.0
        added = np.sqrt(process.alpha_bars[step]) * (mixture - kept * earlier) * noisy
        deviation = np.sqrt(process.step_variances[step])
        current = (
            kept * np.sqrt(process.alphas[step]) * current + added + deviation * random.standard_normal(len(current))
        )
        if step in (1, process.steps // 2, process.steps):
            mean = np.sqrt(process.alpha_bars[step]) * ((1 - mixture) * clean + mixture * noisy)
            assert current.mean() == pytest.approx(mean, abs=5 * np.sqrt(process.variances[step] / len(current)))
            assert current.var() == pytest.approx(process.variances[step], rel=0.02)


@pytest.mark.parametrize(("betas", "steps"), [(TDAP, (2, 10, 30, 43, 44, 45, 50)), (SIX, (2, 3, 4, 5, 6))])
def test_the_reverse_step_is_the_posterior_by_bayes_rule(betas, steps):
    """The mean by Eq. 6 with the true ε*, and its variance, against the product of two densities on a grid."""
    process = DiffusionProcess(betas, conditional=True)
    clean, noisy = 0.3, 0.5
    for step in steps:
        mixture, earlier, bar = process.mixing_weights[step], process.mixing_weights[step - 1], process.alpha_bars[step]
        kept = (1 - mixture) / (1 - earlier) if earlier < 1 else 1.0
        prior_mean = np.sqrt(process.alpha_bars[step - 1]) * ((1 - earlier) * clean + earlier * noisy)
        prior = process.variances[step - 1]
        # x_t at one and a half standard deviations from its mean.
        current = np.sqrt(bar) * ((1 - mixture) * clean + mixture * noisy) + 1.5 * np.sqrt(process.variances[step])
        grid = prior_mean + np.sqrt(prior) * np.linspace(-12, 12, 200_001)
        predicted = kept * np.sqrt(process.alphas[step]) * grid + np.sqrt(bar) * (mixture - kept * earlier) * noisy
        logs = -((grid - prior_mean) ** 2) / (2 * prior) - (current - predicted) ** 2 / (
            2 * process.step_variances[step]
        )
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        mean = (weights * grid).sum()
        noise = (current - np.sqrt(bar) * clean) / np.sqrt(1 - bar)
        by_equation = (
            process.current_coefficients[step] * current
            + process.noisy_coefficients[step] * noisy
            - process.noise_coefficients[step] * noise
        )
        assert by_equation == pytest.approx(mean, abs=1e-3 * np.sqrt(prior)), step
        assert process.posterior_variances[step] == pytest.approx((weights * (grid - mean) ** 2).sum(), rel=1e-3), step


@pytest.mark.parametrize("betas", SCHEDULES)
def test_the_reverse_process_with_the_true_noise_ends_at_the_clean_speech(betas):
    process = DiffusionProcess(betas, conditional=True)
    random = np.random.default_rng(0)
    clean, noisy = random.standard_normal((2, 1000))
    current = np.sqrt(process.alpha_bars[-1]) * noisy + np.sqrt(process.variances[-1]) * random.standard_normal(1000)
    for step in range(process.steps, 0, -1):
        bar = process.alpha_bars[step]
        noise = (current - np.sqrt(bar) * clean) / np.sqrt(1 - bar)
        current = (
            process.current_coefficients[step] * current
            + process.noisy_coefficients[step] * noisy
            - process.noise_coefficients[step] * noise
        )
        current += np.sqrt(process.posterior_variances[step]) * random.standard_normal(1000)
    np.testing.assert_allclose(current, clean, atol=1e-9)


def test_above_the_limit_the_noise_estimate_has_no_weight():
    process = DiffusionProcess(TDAP, conditional=True)
    assert (process.noise_coefficients[45:] == 0).all() and (process.noise_coefficients[1:45] > 0).all()


def test_steps_of_fast_sampling_have_equivalent_steps_of_the_training():
    training = DiffusionProcess(TDAP, conditional=True)
    np.testing.assert_allclose(training.equivalent_steps(training), np.arange(51), atol=1e-12)
    steps = DiffusionProcess(SIX, conditional=True).equivalent_steps(training)
    # √ᾱ after the second step is √(0.9999 · 0.999), between those of steps 1 and 2 of the training.
    roots = np.sqrt(training.alpha_bars[1:3])
    share = (roots[0] - np.sqrt(0.9999 * 0.999)) / (roots[0] - roots[1])
    np.testing.assert_allclose(steps[:3], [0, 1, 1 + share])
    assert (np.diff(steps) > 0).all() and 43 < steps[-1] < 44
    with pytest.raises(ValueError, match="noisier than any"):
        DiffusionProcess([*SIX, 0.9], conditional=True).equivalent_steps(training)


@pytest.mark.parametrize("betas", [[], [0.0], [0.5, 1.0], [-0.1]])
def test_variances_are_between_0_and_1(betas):
    with pytest.raises(ValueError, match="between 0 and 1"):
        DiffusionProcess(betas, conditional=False)
