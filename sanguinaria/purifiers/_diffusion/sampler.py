"""Diffusion purification: noise is added to the input up to step t*, and the reverse process removes it together with
adversarial perturbations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from sanguinaria.audio.validation import is_usable
from sanguinaria.core import devices
from sanguinaria.core.devices import Precision
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import utterance_generator
from sanguinaria.purifiers._diffusion.condition_encoder import ConditionEncoder
from sanguinaria.purifiers._diffusion.network import DiffWave
from sanguinaria.purifiers._diffusion.process import SamplingSchedule

# Utterances in one batch of the network: memory does not grow with their number.
BATCH_SIZE = 16
# Lowest root mean square that a gain is computed for: noise below it is not amplified to the level of speech.
LOWEST_LEVEL = 1e-4

EmbedTexts = Callable[[Sequence[str]], torch.Tensor]


class DenoisingNetwork(nn.Module):
    """Estimates ε* by a DiffWave, optionally with a condition encoder.

    Args:
        diffwave: noise estimator.
        condition: encoder of its condition, or ``None``.

    Shape:
        - Input: x_t (utterances, samples), noisy speech y (utterances, samples), steps (utterances,), and optionally
          text embeddings (utterances, features)
        - Output: ε* (utterances, samples)
    """

    def __init__(self, diffwave: DiffWave, condition: ConditionEncoder | None) -> None:
        super().__init__()
        self.diffwave = diffwave
        self.condition = condition

    def forward(
        self, current: torch.Tensor, noisy: torch.Tensor, steps: torch.Tensor, texts: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.estimate(current, steps, self.encode(noisy, texts))

    def encode(self, noisy: torch.Tensor, texts: torch.Tensor | None) -> torch.Tensor | None:
        """Return the condition (utterances, channels, frames), the same for all steps, or ``None``."""
        if self.condition is None:
            return None
        condition: torch.Tensor = self.condition(noisy, texts)
        return condition

    def estimate(self, current: torch.Tensor, steps: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        """Return ε* (utterances, samples) of x_t with an encoded condition."""
        noise: torch.Tensor = self.diffwave(current, steps, condition)
        return noise


class DiffusionSampler:
    """A diffusion purifier on a device, a :class:`sanguinaria.purifiers.LoadedPurifier`.

    Args:
        network: trained network.
        schedule: of the sampling.
        embed: text embedding, from texts to (texts, features); ``None`` for a network without conditioning on text.
        level: root mean square that waveforms are normalised to before purification, and restored from afterwards;
            ``None``: no normalisation.
        minimum_length: shortest utterance in samples.
        precision: of the network.
        device: of the computation.
    """

    def __init__(
        self,
        *,
        network: DenoisingNetwork,
        schedule: SamplingSchedule,
        embed: EmbedTexts | None,
        level: float | None,
        minimum_length: int,
        precision: Precision,
        device: torch.device,
    ) -> None:
        self.network, self.schedule, self.embed = network, schedule, embed
        self.level, self.minimum_length, self.precision, self.device = level, minimum_length, precision, device

    def purify(self, waveforms: torch.Tensor, texts: Sequence[str] | None = None, seed: int = 0) -> torch.Tensor:
        """Return purified waveforms; see :meth:`sanguinaria.purifiers.LoadedPurifier.purify`."""
        if waveforms.shape[-1] < self.minimum_length:
            raise InputError(
                f"the utterances have {waveforms.shape[-1]:,} samples, fewer than the {self.minimum_length:,} of this "
                "purifier's receptive field, or of its training crops if those are shorter: use longer utterances, or "
                "a purifier of fewer layers, a shorter dilation cycle or a shorter crop"
            )
        if texts is not None and len(texts) != len(waveforms):
            raise ValueError(f"{len(texts)} texts for {len(waveforms)} utterances")
        rows = is_usable(waveforms).nonzero()[:, 0]
        purified = waveforms
        for batch in torch.split(rows, BATCH_SIZE) if len(rows) else ():
            batch_texts = None if texts is None else [texts[row] for row in batch.tolist()]
            outputs = self._purify_batch(waveforms[batch], batch_texts, seed)
            purified = purified.index_copy(0, batch, outputs.to(waveforms))
        return purified

    def _purify_batch(self, waveforms: torch.Tensor, texts: Sequence[str] | None, seed: int) -> torch.Tensor:
        """Purify one batch of valid waveforms (utterances, samples)."""
        generators = [utterance_generator(waveform, seed) for waveform in waveforms]
        speech = waveforms.to(self.device, torch.float32)
        gains = torch.ones_like(speech[:, :1]) if self.level is None else normalisation_gains(speech, self.level)
        speech = speech * gains
        noised = self._forward_process(speech, generators)
        if not self.schedule.reverse:
            return noised / float(np.sqrt(self.schedule.process.alpha_bars[self.schedule.start])) / gains
        embeddings = None if texts is None or self.embed is None else self.embed(texts)
        with devices.network_arithmetic(self.precision, self.device):
            return self._reverse_process(noised, speech, embeddings, generators) / gains

    def _forward_process(self, speech: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Draw x_{t*} (utterances, samples): Eq. 4 of TDAP, at t* rather than T."""
        process, start = self.schedule.process, self.schedule.start
        scale, deviation = np.sqrt(process.alpha_bars[start]), np.sqrt(process.variances[start])
        return float(scale) * speech + float(deviation) * _white_noise(speech, generators)

    def _reverse_process(
        self,
        noised: torch.Tensor,
        speech: torch.Tensor,
        texts: torch.Tensor | None,
        generators: Sequence[torch.Generator],
    ) -> torch.Tensor:
        """Draw x_0 (utterances, samples): Eq. 5 and 6 of TDAP, from t* on."""
        process = self.schedule.process
        condition = self.network.encode(speech, texts)
        current = noised
        for step in range(self.schedule.start, 0, -1):
            mean = (
                float(process.current_coefficients[step]) * current + float(process.noisy_coefficients[step]) * speech
            )
            if process.noise_coefficients[step]:
                steps = speech.new_full((len(speech),), float(self.schedule.training_steps[step]))
                mean = mean - float(process.noise_coefficients[step]) * self._estimate(current, steps, condition)
            current = mean
            if process.posterior_variances[step]:
                current = mean + float(np.sqrt(process.posterior_variances[step])) * _white_noise(speech, generators)
        return current

    def _estimate(self, current: torch.Tensor, steps: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        """Estimate ε*, with gradient checkpointing where gradients pass: memory does not grow with the steps."""
        if not (torch.is_grad_enabled() and current.requires_grad):
            return self.network.estimate(current, steps, condition)
        noise: torch.Tensor = checkpoint(self.network.estimate, current, steps, condition, use_reentrant=False)
        return noise


def normalisation_gains(waveforms: torch.Tensor, level: float) -> torch.Tensor:
    """Return the gains that normalise waveforms to a root mean square.

    Shape:
        - Input: (utterances, samples)
        - Output: (utterances, 1)

    >>> normalisation_gains(torch.tensor([[0.5, -0.5]]), level=0.25)
    tensor([[0.5000]])
    """
    return level / waveforms.detach().square().mean(-1, keepdim=True).sqrt().clamp(min=LOWEST_LEVEL)


def _white_noise(like: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Draw white noise (utterances, samples), each row by its own generator."""
    return torch.stack([torch.randn(like.shape[-1], generator=generator) for generator in generators]).to(like)
