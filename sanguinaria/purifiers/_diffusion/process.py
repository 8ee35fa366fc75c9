"""Diffusion processes: the forward process from speech to noise, and the coefficients of the reverse process.

The conditional process (Lu et al., 2022, arXiv:2202.05256; TDAP, Eq. 3–9) leads from clean speech x_0 to noisy y:

    q(x_t | x_0, y) = N((1 − m_t) √ᾱ_t x_0 + m_t √ᾱ_t y, δ_t I),    δ_t = 1 − ᾱ_t − m_t² ᾱ_t.

With m_t = 0 it is the ordinary one (Ho et al., 2020, arXiv:2006.11239). It is a Markov chain given y: with
r_t = (1 − m_t) / (1 − m_{t−1}),

    q(x_t | x_{t−1}, y) = N(r_t √α_t x_{t−1} + (m_t − r_t m_{t−1}) √ᾱ_t y, δ_{t|t−1} I),
    δ_{t|t−1} = δ_t − r_t² α_t δ_{t−1}                                                                    (Eq. 8).

The product of two Gaussians gives q(x_{t−1} | x_t, x_0, y), whose precision is r_t² α_t / δ_{t|t−1} + 1 / δ_{t−1}. So
its variance is δ_{t|t−1} δ_{t−1} / δ_t. TDAP's Eq. 9 has δ_t and δ_{t−1} the other way round, which would make it wider
than q(x_{t−1} | x_0, y) is and infinite at t = 1. Its mean, with x_0 = (x_t − √(1 − ᾱ_t) ε*) / √ᾱ_t put in, is Eq. 6;
ε* is the training target of the network (Eq. 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Rounding errors that remain of a variance of 0.
ROUNDING = 1e-12


def linear_schedule(steps: int, first: float, last: float) -> list[float]:
    """Return the linear variance schedule β_1 … β_T.

    Args:
        steps: T, the number of diffusion steps.
        first: the variance β_1.
        last: the variance β_T.

    >>> linear_schedule(3, 0.25, 0.75)
    [0.25, 0.5, 0.75]
    """
    return [float(beta) for beta in np.linspace(first, last, steps)]


class DiffusionProcess:
    """A diffusion process and its reverse process, in float64.

    Args:
        betas: β_1 … β_T, each in (0, 1).
        conditional: whether the process leads to noisy speech rather than to noise alone.

    Attributes:
        steps: T.
        alphas: α_t = 1 − β_t. This and all following arrays are (T + 1,); their entry 0 belongs to clean speech.
        alpha_bars: ᾱ_t, the product of α_1 … α_t.
        mixing_weights: m_t, the weight of the noisy speech: √((1 − ᾱ_t) / √ᾱ_t), limited to 1. Without the limit,
            TDAP's schedule reaches 1.167.
        variances: δ_t.
        step_variances: δ_{t|t−1}.
        posterior_variances: δ̃_t, of x_{t−1} given x_t, x_0 and y.
        current_coefficients: c_xt of Eq. 6.
        noisy_coefficients: c_yt of Eq. 6.
        noise_coefficients: c_εt of Eq. 6.

    Raises:
        ValueError: a beta is out of bounds, or the betas are so large that a variance would be negative.
    """

    def __init__(self, betas: Sequence[float], conditional: bool) -> None:
        if not len(betas) or not all(0 < beta < 1 for beta in betas):
            raise ValueError(f"variances lie between 0 and 1, and there is at least one: {list(betas)}")
        self.steps = len(betas)
        self.alphas = 1 - np.array([0.0, *betas])
        self.alpha_bars = np.cumprod(self.alphas)
        weights = np.sqrt((1 - self.alpha_bars) / np.sqrt(self.alpha_bars))
        self.mixing_weights = np.minimum(weights, 1.0) if conditional else np.zeros_like(weights)
        self.variances = 1 - self.alpha_bars - self.mixing_weights**2 * self.alpha_bars
        ratios = self._clean_speech_ratios()
        self.step_variances = self._checked(self._added_variances(ratios**2 * self.alphas, self.variances))
        self._derive_reverse(ratios)

    def _clean_speech_ratios(self) -> np.ndarray:
        """Return r_t, the share of x_{t−1} in x_t.

        Where neither x_{t−1} nor x_t holds clean speech every r_t leads to the same q(x_{t−1} | y), and it is 1: a
        chain of small steps.
        """
        ratios = np.ones_like(self.mixing_weights)
        previous = 1 - self.mixing_weights[:-1]
        np.divide(1 - self.mixing_weights[1:], previous, out=ratios[1:], where=previous > 0)
        return ratios

    def _added_variances(self, factors: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return δ_t − factor_t · value_{t−1}, and 0 at t = 0."""
        added = np.zeros_like(values)
        added[1:] = self.variances[1:] - factors[1:] * values[:-1]
        return added

    def _checked(self, variances: np.ndarray) -> np.ndarray:
        """Clip rounding errors below 0, and refuse variances that are truly negative."""
        if (variances < -ROUNDING).any():
            step = int((variances < -ROUNDING).argmax())
            raise ValueError(
                f"the variance of step {step} would be negative ({variances[step]:.3g}): use smaller steps"
            )
        clipped: np.ndarray = np.maximum(variances, 0.0)
        return clipped

    def _derive_reverse(self, ratios: np.ndarray) -> None:
        """Compute the posterior variances and the coefficients of Eq. 6."""
        shape = self.variances.shape
        self.posterior_variances, self.current_coefficients = np.zeros(shape), np.zeros(shape)
        self.noisy_coefficients, self.noise_coefficients = np.zeros(shape), np.zeros(shape)
        now, before = slice(1, None), slice(None, -1)
        alphas, bars, mixing = self.alphas[now], self.alpha_bars, self.mixing_weights
        previous_share = self.variances[before] / self.variances[now]
        added_share = self.step_variances[now] / self.variances[now]
        clean = (1 - mixing[before]) * added_share / np.sqrt(alphas)
        self.posterior_variances[now] = self.step_variances[now] * previous_share
        self.current_coefficients[now] = ratios[now] * np.sqrt(alphas) * previous_share + clean
        self.noisy_coefficients[now] = np.sqrt(bars[before]) * (
            mixing[before] - mixing[now] * ratios[now] * alphas * previous_share
        )
        self.noise_coefficients[now] = clean * np.sqrt(1 - bars[now])

    def equivalent_steps(self, training: DiffusionProcess) -> np.ndarray:
        """Return the fractional step of the training's process with the noise level of each of this one's steps.

        √ᾱ is interpolated, as in DiffWave's fast sampling (Kong et al., 2021, arXiv:2009.09761, appendix B).

        Args:
            training: process that the network was trained with.

        Returns:
            (T + 1,).

        Raises:
            ValueError: this process gets noisier than that of the training.
        """
        if self.alpha_bars[-1] < training.alpha_bars[-1] - ROUNDING:
            raise ValueError(
                f"these steps end at ᾱ = {self.alpha_bars[-1]:.3g}, noisier than any that the network was trained on "
                f"({training.alpha_bars[-1]:.3g})"
            )
        return np.interp(-np.sqrt(self.alpha_bars), -np.sqrt(training.alpha_bars), np.arange(training.steps + 1))


@dataclass(frozen=True)
class SamplingSchedule:
    """The steps that a purification takes.

    Attributes:
        process: of sampling, whose steps may be fewer and larger than those of the training.
        training_steps: fractional step of the training with the noise level of each step, (T + 1,).
        start: t*, the step that the forward process adds noise up to, and that the reverse process starts from.
        reverse: whether the reverse process follows.
    """

    process: DiffusionProcess
    training_steps: np.ndarray
    start: int
    reverse: bool = True
