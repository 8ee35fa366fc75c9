"""Diffusion processes: how speech becomes noise, and every coefficient of the way back.

The conditional process (Lu et al., 2022, arXiv:2202.05256; TDAP, Eq. 3–9) leads from clean speech x_0 to noisy y:

    q(x_t | x_0, y) = N((1 − m_t) √ᾱ_t x_0 + m_t √ᾱ_t y, δ_t I),    δ_t = 1 − ᾱ_t − m_t² ᾱ_t.

With m_t = 0 it is the ordinary one (Ho et al., 2020, arXiv:2006.11239). It is a Markov chain given y: with
r_t = (1 − m_t) / (1 − m_{t−1}),

    q(x_t | x_{t−1}, y) = N(r_t √α_t x_{t−1} + (m_t − r_t m_{t−1}) √ᾱ_t y, δ_{t|t−1} I),
    δ_{t|t−1} = δ_t − r_t² α_t δ_{t−1}                                                                    (Eq. 8).

The product of two Gaussians gives q(x_{t−1} | x_t, x_0, y), whose precision is r_t² α_t / δ_{t|t−1} + 1 / δ_{t−1}. So
its variance is δ_{t|t−1} δ_{t−1} / δ_t. TDAP's Eq. 9 has δ_t and δ_{t−1} the other way round, which would make it wider
than q(x_{t−1} | x_0, y) is and infinite at t = 1. Its mean, with x_0 = (x_t − √(1 − ᾱ_t) ε*) / √ᾱ_t put in, is Eq. 6;
ε* is what the network is taught (Eq. 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Rounding errors that are left of a variance that is 0.
ROUNDING = 1e-12


def linear(steps: int, first: float, last: float) -> list[float]:
    """β_1 … β_T in equal distances."""
    return [float(beta) for beta in np.linspace(first, last, steps)]


class Process:
    """A diffusion process and its reverse, in float64; arrays are (T + 1,), and their entry 0 is of clean speech.

    Attributes:
        steps: T.
        alphas: α_t = 1 − β_t.
        alpha_bars: ᾱ_t, the product of α_1 … α_t.
        mixtures: m_t, the share of the noisy speech: √((1 − ᾱ_t) / √ᾱ_t), and never above 1. Without the limit, TDAP's
            schedule reaches 1.167.
        variances: δ_t.
        step_variances: δ_{t|t−1}.
        posterior_variances: δ̃_t, of x_{t−1} given x_t, x_0 and y.
        of_current, of_noisy, of_noise: c_xt, c_yt and c_εt of Eq. 6.
    """

    def __init__(self, betas: Sequence[float], conditional: bool) -> None:
        """Args:
            betas: β_1 … β_T, each in (0, 1).
            conditional: whether the way leads to noisy speech.

        Raises:
            ValueError: a beta is out of bounds, or they are so far apart that a variance would be negative.
        """
        if not len(betas) or not all(0 < beta < 1 for beta in betas):
            raise ValueError(f"variances lie between 0 and 1, and there is at least one: {list(betas)}")
        self.steps = len(betas)
        self.alphas = 1 - np.array([0.0, *betas])
        self.alpha_bars = np.cumprod(self.alphas)
        share = np.sqrt((1 - self.alpha_bars) / np.sqrt(self.alpha_bars))
        self.mixtures = np.minimum(share, 1.0) if conditional else np.zeros_like(share)
        self.variances = 1 - self.alpha_bars - self.mixtures**2 * self.alpha_bars
        kept = self._kept()
        self.step_variances = self._checked(self._after(kept**2 * self.alphas, self.variances))
        self._derive(kept)

    def _kept(self) -> np.ndarray:
        """r_t: how much of x_{t−1} is in x_t. Where neither holds any clean speech every r_t leads to the same
        q(x_{t−1} | y), and it is 1: a chain of small steps."""
        kept = np.ones_like(self.mixtures)
        before = 1 - self.mixtures[:-1]
        np.divide(1 - self.mixtures[1:], before, out=kept[1:], where=before > 0)
        return kept

    def _after(self, factors: np.ndarray, values: np.ndarray) -> np.ndarray:
        """δ_t − factor_t · value_{t−1}, and 0 at t = 0."""
        found = np.zeros_like(values)
        found[1:] = self.variances[1:] - factors[1:] * values[:-1]
        return found

    def _checked(self, variances: np.ndarray) -> np.ndarray:
        if (variances < -ROUNDING).any():
            step = int((variances < -ROUNDING).argmax())
            raise ValueError(
                f"the variance of step {step} would be negative ({variances[step]:.3g}): use smaller steps"
            )
        clipped: np.ndarray = np.maximum(variances, 0.0)
        return clipped

    def _derive(self, kept: np.ndarray) -> None:
        shape = self.variances.shape
        self.posterior_variances, self.of_current, self.of_noisy, self.of_noise = (np.zeros(shape) for _ in range(4))
        now, before = slice(1, None), slice(None, -1)
        alphas, bars, mixture = self.alphas[now], self.alpha_bars, self.mixtures
        old = self.variances[before] / self.variances[now]
        new = self.step_variances[now] / self.variances[now]
        clean = (1 - mixture[before]) * new / np.sqrt(alphas)
        self.posterior_variances[now] = self.step_variances[now] * old
        self.of_current[now] = kept[now] * np.sqrt(alphas) * old + clean
        self.of_noisy[now] = np.sqrt(bars[before]) * (mixture[before] - mixture[now] * kept[now] * alphas * old)
        self.of_noise[now] = clean * np.sqrt(1 - bars[now])

    def times_in(self, other: Process) -> np.ndarray:
        """The steps of another process, not whole ones, at which it is as noisy as this one is at each of its own.

        √ᾱ is interpolated, as in DiffWave's fast sampling (Kong et al., 2021, arXiv:2009.09761, appendix B).

        Raises:
            ValueError: this one gets noisier than the other.
        """
        if self.alpha_bars[-1] < other.alpha_bars[-1] - ROUNDING:
            raise ValueError(
                f"these steps end at ᾱ = {self.alpha_bars[-1]:.3g}, noisier than any that the network was trained on "
                f"({other.alpha_bars[-1]:.3g})"
            )
        return np.interp(-np.sqrt(self.alpha_bars), -np.sqrt(other.alpha_bars), np.arange(other.steps + 1))


@dataclass(frozen=True)
class Way:
    """The steps that are taken.

    Attributes:
        process: of sampling, whose steps may be fewer and larger than those of the training.
        times: the training's step that is as noisy as each of its steps, (T + 1,), not whole ones.
        start: t*, the step that the noise is added up to, and from which the way leads back.
        back: false for the noise alone.
    """

    process: Process
    times: np.ndarray
    start: int
    back: bool = True
