"""Purification: noise is added to speech that may hold an attack, and a diffusion takes both away again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from sanguinaria.audio.validation import is_usable
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import utterance_generator
from sanguinaria.purifiers._diffusion.condition import Condition
from sanguinaria.purifiers._diffusion.network import DiffWave
from sanguinaria.purifiers._diffusion.process import Way

# Utterances in one pass of the network: memory does not grow with their number.
UTTERANCES_AT_ONCE = 16
# The quietest speech that is brought to a level, root mean square: hiss is no speech.
QUIETEST = 1e-4

Embed = Callable[[Sequence[str]], torch.Tensor]


class PurifyingNetwork(nn.Module):
    """The estimate of ε* by a DiffWave, with its condition where it has one.

    Shape: x_t (utterances, samples), y likewise, steps (utterances,), texts (utterances, features) → ε* as x_t.
    """

    def __init__(self, diffwave: DiffWave, condition: Condition | None) -> None:
        super().__init__()
        self.diffwave = diffwave
        self.condition = condition

    def forward(
        self, current: torch.Tensor, noisy: torch.Tensor, times: torch.Tensor, texts: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.estimate(current, times, self.told(noisy, texts))

    def told(self, noisy: torch.Tensor, texts: torch.Tensor | None) -> torch.Tensor | None:
        """The condition, which is the same in every step, or ``None``."""
        if self.condition is None:
            return None
        found: torch.Tensor = self.condition(noisy, texts)
        return found

    def estimate(self, current: torch.Tensor, times: torch.Tensor, told: torch.Tensor | None) -> torch.Tensor:
        estimated: torch.Tensor = self.diffwave(current, times, told)
        return estimated


class DiffusionCleanser:
    """A purifier that is loaded on a device.

    Args:
        network: trained.
        way: the steps.
        embed: from texts to (texts, features), or ``None`` for a network that is told no text.
        level: root mean square that speech is brought to before, and back from afterwards; ``None``: as it is.
        shortest: samples that an utterance has to have.
        device: where it is computed.
    """

    def __init__(
        self,
        network: PurifyingNetwork,
        way: Way,
        embed: Embed | None,
        level: float | None,
        shortest: int,
        device: torch.device,
    ) -> None:
        self.network, self.way, self.embed = network, way, embed
        self.level, self.shortest, self.device = level, shortest, device

    def purify(self, waveforms: torch.Tensor, texts: Sequence[str] | None = None, seed: int = 0) -> torch.Tensor:
        """Purified waveforms; see :class:`sanguinaria.purifiers.Cleanser`."""
        if waveforms.shape[-1] < self.shortest:
            raise InputError(
                f"the utterances have {waveforms.shape[-1]:,} samples, fewer than the {self.shortest:,} that this "
                "purifier's network looks at, or was trained on if those are fewer: use longer utterances, or a "
                "purifier of fewer layers, a shorter cycle or a shorter crop"
            )
        if texts is not None and len(texts) != len(waveforms):
            raise ValueError(f"{len(texts)} texts for {len(waveforms)} utterances")
        rows = is_usable(waveforms).nonzero()[:, 0]
        purified = waveforms
        for part in torch.split(rows, UTTERANCES_AT_ONCE) if len(rows) else ():
            chosen = None if texts is None else [texts[row] for row in part.tolist()]
            done = self._purified(waveforms[part], chosen, seed)
            purified = purified.index_copy(0, part, done.to(waveforms))
        return purified

    def _purified(self, waveforms: torch.Tensor, texts: Sequence[str] | None, seed: int) -> torch.Tensor:
        draws = [utterance_generator(waveform, seed) for waveform in waveforms]
        speech = waveforms.to(self.device, torch.float32)
        gains = torch.ones_like(speech[:, :1]) if self.level is None else levelling(speech, self.level)
        speech = speech * gains
        noised = self._noised(speech, draws)
        if not self.way.back:
            return noised / float(np.sqrt(self.way.process.alpha_bars[self.way.start])) / gains
        embedded = None if texts is None or self.embed is None else self.embed(texts)
        return self._returned(noised, speech, embedded, draws) / gains

    def _noised(self, speech: torch.Tensor, draws: Sequence[torch.Generator]) -> torch.Tensor:
        """x_{t*}: Eq. 4 of TDAP, at t* rather than T."""
        process, start = self.way.process, self.way.start
        scale, deviation = np.sqrt(process.alpha_bars[start]), np.sqrt(process.variances[start])
        return float(scale) * speech + float(deviation) * _drawn(speech, draws)

    def _returned(
        self, noised: torch.Tensor, speech: torch.Tensor, texts: torch.Tensor | None, draws: Sequence[torch.Generator]
    ) -> torch.Tensor:
        """x_0: Eq. 5 and 6 of TDAP, from t* on."""
        process = self.way.process
        told = self.network.told(speech, texts)
        current = noised
        for step in range(self.way.start, 0, -1):
            mean = float(process.of_current[step]) * current + float(process.of_noisy[step]) * speech
            if process.of_noise[step]:
                times = speech.new_full((len(speech),), float(self.way.times[step]))
                mean = mean - float(process.of_noise[step]) * self._estimate(current, times, told)
            current = mean
            if process.posterior_variances[step]:
                current = mean + float(np.sqrt(process.posterior_variances[step])) * _drawn(speech, draws)
        return current

    def _estimate(self, current: torch.Tensor, times: torch.Tensor, told: torch.Tensor | None) -> torch.Tensor:
        """Where a gradient is to pass, a step is computed again on its way back, so that memory does not grow with the
        steps."""
        if not (torch.is_grad_enabled() and current.requires_grad):
            return self.network.estimate(current, times, told)
        found: torch.Tensor = checkpoint(self.network.estimate, current, times, told, use_reentrant=False)
        return found


def levelling(waveforms: torch.Tensor, level: float) -> torch.Tensor:
    """The gain that brings each waveform (utterances, samples) to a level, (utterances, 1)."""
    return level / waveforms.detach().square().mean(-1, keepdim=True).sqrt().clamp(min=QUIETEST)


def _drawn(like: torch.Tensor, draws: Sequence[torch.Generator]) -> torch.Tensor:
    """White noise (utterances, samples), of each utterance by its own numbers."""
    return torch.stack([torch.randn(like.shape[-1], generator=draw) for draw in draws]).to(like)
