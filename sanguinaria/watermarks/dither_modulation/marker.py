"""Embedding and detection by spread-transform dither modulation: a bit selects one of two lattices for a projection.

Chen and Wornell, "Quantization Index Modulation", IEEE Transactions on Information Theory 47(4), 2001, section V-B. The
projection of a chunk on each of a key's carriers is moved to the nearest point of a lattice, which for a 1 is shifted
by half a step relative to that for a 0. The host signal's own projection, which is noise to other spread spectrum
methods, does not matter; noise causes an error only where it moves a projection by more than a quarter of a step.

Nothing is trained, and the detector's false positive rate is known: on the lattices of another key, or of unmarked
audio, projections are uniformly distributed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch.nn.functional import avg_pool2d, pad

from sanguinaria.audio.chunking import MINIMUM_AUDIO_SHARE, Chunking, chunk_batches
from sanguinaria.audio.resampling import prepare_network_input, resample
from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._message_parts import expanded_message
from sanguinaria.watermarks.dither_modulation.carriers import Carriers, inverse_spectrum, spectrum, taper
from sanguinaria.watermarks.dither_modulation.statistics import (
    combine_probabilities,
    cross_correlate,
    false_positive_probability,
    lattice_fit,
)

# False positive rate at a score of 0.5.
FALSE_POSITIVE_RATE = 0.01
# Where the probability of a false positive is below this, no delay is searched.
CONFIDENT = 1e-4
# Level of silence: −100 dB of full scale.
MINIMUM_LEVEL = 1e-5
# Iterations of the embedding: a mark changes the level that its steps are relative to, less in each iteration.
ITERATIONS = 4
# Regularises the equations of carriers that hardly overlap with a short chunk.
RIDGE = 1e-6
# Bins and frames over which the speech's energy is averaged for the shape of the mark.
SMOOTHING = (5, 3)
# Minimum energy of a cell in the shape of the mark: −40 dB of the chunk's mean energy.
MINIMUM_ENERGY = 1e-4


@dataclass(frozen=True, kw_only=True)
class StepSizes:
    """Sizes of the lattices' steps, relative to the level of a chunk in the band.

    Attributes:
        ratios: steps by level, ascending: those that the detector tries.
        noise: standard deviation of white noise that marks have to survive, relative to full scale.
        noise_ratio: amplitude of that noise relative to a chunk's.
        margin: standard deviations of the noise in a quarter of a step.
        maximum_ratio: maximum amplitude of a mark relative to its chunk's.
    """

    ratios: torch.Tensor
    noise: float
    noise_ratio: float
    margin: float
    maximum_ratio: float


@dataclass(frozen=True, kw_only=True)
class DitherMarker(Marker):
    """Carriers of one key on a device; an utterance's results do not depend on its batch, but for rounding.

    Audio is marked chunk by chunk, each with the whole message. A chunk's mark is shaped like its spectrum, which masks
    it; the detector does not depend on that shape.

    Attributes:
        carriers: of the key.
        band: Hz, the range of the carriers.
        steps: of the lattices.
        shaping_exponent: exponent of the speech's energy in the mark's amplitude; 0 for a flat mark.
        chunking: of the audio, without overlap.
        fade: samples of the marks' fades at both ends of a chunk.
        maximum_delay: delay or advance of marked audio that is searched, in samples at ``carrier_rate``.
        carrier_rate: Hz, of the carriers, to which audio is resampled.
        sample_rate: Hz, of the audio.
        device: where everything is computed.
    """

    carriers: Carriers
    band: tuple[float, float]
    steps: StepSizes
    shaping_exponent: float
    chunking: Chunking
    fade: int
    maximum_delay: int
    carrier_rate: int
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """Compute the watermark of each utterance, float32, 0 in silence; see :meth:`Marker.watermark`.

        Raises:
            ValueError: the message is not (bits,) or (utterances, bits) of 0 and 1.
            InputError: the utterances are shorter than half a chunk.
        """
        audio = self._resampled(waveforms)
        length = audio.shape[-1]
        chunks = self.chunking.split(audio)
        messages = expanded_message(message, len(audio), len(self.carriers.dithers)).to(audio)
        messages = messages[:, None].expand(-1, chunks.shape[1], -1)
        inside = self.chunking.split(torch.ones(1, length, device=self.device)).expand(len(audio), -1, -1)
        flat = [tensor.flatten(0, 1) for tensor in (chunks, messages, inside)]
        marks = torch.cat([self._mark(*batch) for batch in chunk_batches(*flat)])
        mark = self.chunking.overlap_add(marks.unflatten(0, chunks.shape[:2]), length)  # type: ignore[no-untyped-call]
        return resample(mark, self.carrier_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Detect the mark of this key; see :meth:`Marker.detect`.

        The score is 0.5 where unmarked audio would fit the lattices as well with the probability
        :data:`FALSE_POSITIVE_RATE`. A bit's probability is the closeness of its projections to the lattice of a 1,
        averaged over the chunks, weighted by their fit.

        Raises:
            InputError: the utterances are shorter than half a chunk.
        """
        audio = self._resampled(waveforms)
        fits, bits = self._decode(self._message_chunks(audio))
        probabilities = self._probability(fits, 1)
        if self.maximum_delay:
            # Half of the false positives are allowed at no delay, and half at all others together.
            probabilities = 2 * probabilities
            uncertain = (probabilities > CONFIDENT).nonzero()[:, 0]
            delays = self._delays(audio[uncertain])
            for delay in torch.unique(delays):  # type: ignore[no-untyped-call]
                rows = uncertain[delays == delay]
                delayed_fits, delayed_bits = self._decode(self._message_chunks(audio[rows], int(delay)))
                delayed = 2 * self._probability(delayed_fits, 2 * self.maximum_delay + 1)
                better = delayed < probabilities[rows]
                rows = rows[better]
                probabilities[rows], fits[rows], bits[rows] = (
                    delayed[better],
                    delayed_fits[better],
                    delayed_bits[better],
                )
        weights = fits.clamp(min=1e-3)[..., None]
        ones = ((bits * weights).sum(1) / weights.sum(1) + 1) / 2
        scores = FALSE_POSITIVE_RATE / (FALSE_POSITIVE_RATE + probabilities)
        return Detection(scores.to(waveforms.device, torch.float32), ones.to(waveforms.device))

    def _mark(self, chunks: torch.Tensor, messages: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """Marks of chunks (chunks, samples): the least change in the metric of its shape M that moves all projections
        to their targets, M·Vᵀ·(V·M·Vᵀ)⁻¹·(targets − projections), with the carriers V."""
        carriers, dithers = self.carriers.waveforms, self.carriers.dithers
        samples = chunks.shape[-1]
        window = taper(samples, self.fade).to(chunks) * inside
        shaped_spectra = spectrum(carriers * window[:, None]) * self._shape(chunks)[:, None]
        shaped = inverse_spectrum(shaped_spectra, samples) * window[:, None]
        gram = torch.einsum("pbs,cs->pbc", shaped, carriers)
        scale = gram.diagonal(dim1=1, dim2=2).mean(-1).clamp(min=1e-12)[:, None, None]
        gram = gram + RIDGE * scale * torch.eye(len(dithers), device=chunks.device)
        ratio = self._step_ratio(chunks)
        marked = chunks
        for _ in range(ITERATIONS):
            step = (self._level(marked) * ratio)[:, None]
            projections = marked @ carriers.T
            offsets = dithers + messages / 2
            targets = ((projections / step - offsets).round() + offsets) * step
            weights = torch.linalg.solve(gram, (targets - projections)[..., None])
            marked = marked + (weights.transpose(1, 2) @ shaped)[:, 0]
        silent = chunks.square().mean(-1, keepdim=True).sqrt() < MINIMUM_LEVEL
        return torch.where(silent, 0.0, marked - chunks)

    def _step_ratio(self, chunks: torch.Tensor) -> torch.Tensor:
        """The smallest sufficient step by level of each chunk, (chunks,)."""
        rms = chunks.square().mean(-1).sqrt()
        noise = (self.steps.noise_ratio * rms).clamp(min=self.steps.noise)
        # Each projection moves by step/√12 in the root mean square (Chen and Wornell, section V).
        maximum = self.steps.maximum_ratio * rms * sqrt(12 * chunks.shape[-1] / len(self.carriers.dithers))
        sufficient = torch.minimum(4 * self.steps.margin * noise, maximum) / self._level(chunks)
        index = torch.searchsorted(self.steps.ratios, sufficient.contiguous())
        return self.steps.ratios[index.clamp(max=len(self.steps.ratios) - 1)]

    def _message_chunks(self, audio: torch.Tensor, delay: int = 0) -> torch.Tensor:
        """The chunks that carry a message in audio with a delay, (utterances, chunks, samples)."""
        shares = self.chunking.audio_shares(audio.shape[-1])
        return self.chunking.split(audio, delay)[:, shares >= MINIMUM_AUDIO_SHARE]

    def _decode(self, chunks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode chunks (utterances, chunks, samples) at the step that fits each best.

        Returns:
            The fit from −1 to 1, (utterances, chunks), and the position of each bit's projection from −1 on the lattice
            of a 0 to 1 on that of a 1, (utterances, chunks, bits).
        """
        positions = self._positions(chunks @ self.carriers.waveforms.T, self._level(chunks))
        fits, best = lattice_fit(positions).max(-1)
        chosen = positions.take_along_dim(best[..., None, None], -2)[..., 0, :]
        return fits, -(2 * torch.pi * chosen).cos()

    def _positions(self, projections: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Positions of projections (…, bits) on lattices of each size, by levels (…): (…, ratios, bits), in steps."""
        steps = level[..., None, None] * self.steps.ratios[:, None]
        return projections[..., None, :] / steps - self.carriers.dithers

    def _probability(self, fits: torch.Tensor, delays: int) -> torch.Tensor:
        """The probability that unmarked utterances fit as well, (utterances, chunks) → (utterances,)."""
        trials = delays * len(self.steps.ratios)
        return combine_probabilities(false_positive_probability(fits, len(self.carriers.dithers), trials))

    def _delays(self, audio: torch.Tensor) -> torch.Tensor:
        """The delay at which the chunks of each utterance fit best, (utterances,)."""
        delays = [int(self._fit_by_delay(utterance).argmax()) - self.maximum_delay for utterance in audio]
        return torch.tensor(delays, dtype=torch.long, device=audio.device)

    def _fit_by_delay(self, utterance: torch.Tensor) -> torch.Tensor:
        """Sum of the fits of an utterance's chunks at each delay, by correlation, (2·maximum_delay + 1,)."""
        extended = self.chunking.samples + 2 * self.maximum_delay
        padded = pad(utterance, (self.maximum_delay, 0))[None]
        shares = self.chunking.audio_shares(len(utterance))
        chunks = Chunking(extended, 2 * self.maximum_delay).split(padded)[0, : len(shares)]
        chunks = chunks[shares >= MINIMUM_AUDIO_SHARE]
        first, last = self._bins(extended)
        spectra = torch.fft.rfft(chunks)
        spectra[:, :first] = spectra[:, last:] = 0
        window = taper(self.chunking.samples, self.fade).to(utterance)
        # By Parseval's theorem approximately the level of _level at each delay.
        energy = cross_correlate(torch.fft.irfft(spectra, extended).square(), window.square())
        first, last = self._bins(self.chunking.samples)
        levels = (energy.clamp(min=0) / (2 * (last - first))).sqrt().clamp(min=MINIMUM_LEVEL)
        fits = torch.zeros_like(levels[0])
        for chunk, level in zip(chunks, levels, strict=True):
            projections = cross_correlate(chunk, self.carriers.waveforms)
            fits += lattice_fit(self._positions(projections.T, level)).amax(-1)
        return fits

    def _level(self, chunks: torch.Tensor) -> torch.Tensor:
        """The standard deviation of white noise with a chunk's energy in the band, (…, samples) → (…)."""
        samples = chunks.shape[-1]
        first, last = self._bins(samples)
        spectra = torch.fft.rfft(chunks * taper(samples, self.fade).to(chunks))[..., first:last]
        level: torch.Tensor = (spectra.abs().square().mean(-1) / samples).sqrt().clamp(min=MINIMUM_LEVEL)
        return level

    def _shape(self, chunks: torch.Tensor) -> torch.Tensor:
        """The mark's amplitude by cell, (chunks, bins, frames): higher where the speech has more energy."""
        energy = spectrum(chunks).abs().square()
        padding = [size // 2 for size in SMOOTHING]
        energy = avg_pool2d(energy[:, None], SMOOTHING, 1, padding, count_include_pad=False)[:, 0]
        mean = energy.mean((1, 2), keepdim=True).clamp(min=1e-12)
        first, last = self._bins(2 * (energy.shape[1] - 1))
        shape = torch.zeros_like(energy)
        shape[:, first:last] = ((energy / mean + MINIMUM_ENERGY) ** self.shaping_exponent)[:, first:last]
        return shape

    def _bins(self, fft: int) -> tuple[int, int]:
        """The first bin of the band and the one after its last, in the spectrum of so many samples."""
        first, last = (round(frequency * fft / self.carrier_rate) for frequency in self.band)
        return first, last

    def _resampled(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms at the carriers' rate, of at least half a chunk."""
        minimum = int(self.chunking.samples * MINIMUM_AUDIO_SHARE)
        return prepare_network_input(waveforms, self.sample_rate, self.carrier_rate, minimum, self.device)
