"""Spread-transform dither modulation: a bit is which of two lattices a projection lies on.

Chen and Wornell, "Quantization Index Modulation", IEEE Transactions on Information Theory 47(4), 2001, section V-B. The
projection of a piece on each of a key's carriers is moved to the nearest point of a lattice, which is another one for a
0 than for a 1. What the speech itself projects there, which other spread spectra take for noise, has no say; noise has
one only where it moves a projection by more than a quarter of a step.

Nothing is learnt, so nothing has to be trained, and a detector's false positives are known: on the lattices of another
key, or of unmarked audio, projections lie anywhere.
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
from sanguinaria.watermarks.dither_modulation.carriers import Carriers, sound, spectrum, taper

# The share of unmarked audio that the detector's score says is marked.
FALSE_POSITIVES = 0.01
# Where unmarked audio would fit as well as rarely as this, no delay is searched for.
SURE = 1e-4
# Levels below this are silence: −100 dB of full scale.
LOWEST_LEVEL = 1e-5
# Rounds of moving the projections: a mark changes the level that its steps are measured by, a little less each time.
ROUNDS = 4
# Keeps the equations of carriers that hardly reach a short piece solvable.
RIDGE = 1e-6
# Bins and frames over which the speech's energy is smoothed before the mark follows it.
SMOOTHED = (5, 3)
# The quietest cells that a mark follows the speech to: −40 dB of the piece's mean energy.
QUIET = 1e-4


@dataclass(frozen=True)
class Steps:
    """How large the lattices' steps are, relative to the level of a piece in the band.

    Attributes:
        ratios: steps by level, from small to large: what the detector tries.
        noise: standard deviation of white noise that marks are to survive, in full scale.
        ratio: of white noise that they are to survive to a piece, as a share.
        margin: standard deviations of the noise that are a quarter of a step.
        loudest: of a mark to its piece, at most, as a share.
    """

    ratios: torch.Tensor
    noise: float
    ratio: float
    margin: float
    loudest: float


@dataclass(frozen=True)
class DitherMarker(Marker):
    """Carriers of one key on a device; utterances do not depend on others in their batch, but for rounding.

    Audio is marked in pieces, one after another, each with the whole message. A piece's mark follows its spectrum, so
    that it is where it is masked; the detector has no need to know how.

    Attributes:
        carriers: of the key.
        band: Hz, in which they lie.
        steps: of the lattices.
        follow: the power of the speech's energy by which the mark's amplitude follows it; 0 for a flat mark.
        pieces: that audio is cut into; they do not overlap.
        fade: samples at their ends over which marks fade.
        delay: in samples at ``network_rate``, by which audio may have come later or earlier since it was marked.
        network_rate, sample_rate: in Hz, of the carriers and of the audio, which is resampled if they differ.
    """

    carriers: Carriers
    band: tuple[float, float]
    steps: Steps
    follow: float
    pieces: Chunking
    fade: int
    delay: int
    network_rate: int
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """What to add to each utterance, (utterances, samples) → same, float32; nothing in silence.

        Args:
            waveforms: in [−1, 1].
            message: (bits,) or (utterances, bits) of 0 and 1.

        Raises:
            ValueError: the message is none of these.
            InputError: the utterances are shorter than half of a piece.
        """
        audio = self._heard(waveforms)
        length = audio.shape[-1]
        cut = self.pieces.split(audio)
        messages = expanded_message(message, len(audio), len(self.carriers.dithers)).to(audio)
        messages = messages[:, None].expand(-1, cut.shape[1], -1)
        inside = self.pieces.split(torch.ones(1, length, device=self.device)).expand(len(audio), -1, -1)
        flat = [each.flatten(0, 1) for each in (cut, messages, inside)]
        marks = torch.cat([self._mark(*some) for some in chunk_batches(*flat)])
        mark = self.pieces.overlap_add(marks.unflatten(0, cut.shape[:2]), length)  # type: ignore[no-untyped-call]
        return resample(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Score in [0, 1] that each utterance carries a mark of this key, (utterances,), ½ where unmarked audio would
        seem as marked in :data:`FALSE_POSITIVES` of the cases; and for each bit how near its projections are to a 1's
        points, from 0 to 1, (utterances, bits).

        Raises:
            InputError: the utterances are shorter than half of a piece.
        """
        audio = self._heard(waveforms)
        sure, bits = self._read(self._carrying(audio))
        chance = self._chance(sure, 1)
        if self.delay:
            # Half of the false positives may be found at no delay, and half at any other.
            chance = 2 * chance
            unsure = (chance > SURE).nonzero()[:, 0]
            delays = self._delays(audio[unsure])
            for delay in torch.unique(delays):  # type: ignore[no-untyped-call]
                places = unsure[delays == delay]
                later, read = self._read(self._carrying(audio[places], int(delay)))
                found = 2 * self._chance(later, 2 * self.delay + 1)
                better = found < chance[places]
                places = places[better]
                chance[places], sure[places], bits[places] = found[better], later[better], read[better]
        # The surer a piece, the more it has to say about the message.
        weights = sure.clamp(min=1e-3)[..., None]
        ones = ((bits * weights).sum(1) / weights.sum(1) + 1) / 2
        score = FALSE_POSITIVES / (FALSE_POSITIVES + chance)
        return Detection(score.to(waveforms.device, torch.float32), ones.to(waveforms.device))

    def _mark(self, pieces: torch.Tensor, messages: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """For each piece (pieces, samples) the least change, as its shape M measures it, that moves all projections:
        M·Vᵀ·(V·M·Vᵀ)⁻¹·(then − now), with the carriers V."""
        carriers, dithers = self.carriers.waveforms, self.carriers.dithers
        samples = pieces.shape[-1]
        window = taper(samples, self.fade).to(pieces) * inside
        shaped = sound(spectrum(carriers * window[:, None]) * self._shape(pieces)[:, None], samples) * window[:, None]
        gram = torch.einsum("pbs,cs->pbc", shaped, carriers)
        size = gram.diagonal(dim1=1, dim2=2).mean(-1).clamp(min=1e-12)[:, None, None]
        gram = gram + RIDGE * size * torch.eye(len(dithers), device=pieces.device)
        ratio = self._ratio(pieces)
        marked = pieces
        for _ in range(ROUNDS):
            step = (self._level(marked) * ratio)[:, None]
            now = marked @ carriers.T
            offsets = dithers + messages / 2
            then = ((now / step - offsets).round() + offsets) * step
            moved = torch.linalg.solve(gram, (then - now)[..., None])
            marked = marked + (moved.transpose(1, 2) @ shaped)[:, 0]
        silent = pieces.square().mean(-1, keepdim=True).sqrt() < LOWEST_LEVEL
        return torch.where(silent, 0.0, marked - pieces)

    def _ratio(self, pieces: torch.Tensor) -> torch.Tensor:
        """The step by level of each piece that is enough, (pieces,)."""
        rms = pieces.square().mean(-1).sqrt()
        noise = (self.steps.ratio * rms).clamp(min=self.steps.noise)
        # Each projection moves by step/√12 in the root mean square (Chen and Wornell, section V).
        largest = self.steps.loudest * rms * sqrt(12 * pieces.shape[-1] / len(self.carriers.dithers))
        enough = torch.minimum(4 * self.steps.margin * noise, largest) / self._level(pieces)
        place = torch.searchsorted(self.steps.ratios, enough.contiguous())
        return self.steps.ratios[place.clamp(max=len(self.steps.ratios) - 1)]

    def _carrying(self, audio: torch.Tensor, delay: int = 0) -> torch.Tensor:
        """The pieces that carry a message, (utterances, pieces, samples), as they lie in audio with such a delay."""
        shares = self.pieces.audio_shares(audio.shape[-1])
        return self.pieces.split(audio, delay)[:, shares >= MINIMUM_AUDIO_SHARE]

    def _read(self, pieces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of pieces (utterances, pieces, samples), at the step that fits each best: how well it does, from −1 to 1,
        (utterances, pieces), and where the bits' projections are, from −1 at a 0's points to 1 at a 1's, (utterances,
        pieces, bits)."""
        places = self._places(pieces @ self.carriers.waveforms.T, self._level(pieces))
        sure, best = fit(places).max(-1)
        chosen = places.take_along_dim(best[..., None, None], -2)[..., 0, :]
        return sure, -(2 * torch.pi * chosen).cos()

    def _places(self, projections: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Where projections (…, bits) are on lattices of each size, by levels (…,): (…, ratios, bits), in steps."""
        steps = level[..., None, None] * self.steps.ratios[:, None]
        return projections[..., None, :] / steps - self.carriers.dithers

    def _chance(self, sure: torch.Tensor, delays: int) -> torch.Tensor:
        """The probability that unmarked utterances fit as well, (utterances, pieces) → (utterances,)."""
        return combined(by_chance(sure, len(self.carriers.dithers), delays * len(self.steps.ratios)))

    def _delays(self, audio: torch.Tensor) -> torch.Tensor:
        """The delay at which the pieces of each utterance fit best, (utterances,)."""
        found = [int(self._fit_by_delay(utterance).argmax()) - self.delay for utterance in audio]
        return torch.tensor(found, dtype=torch.long, device=audio.device)

    def _fit_by_delay(self, utterance: torch.Tensor) -> torch.Tensor:
        """How well the pieces of an utterance (samples,) fit at each delay, by correlation, (2·delay + 1,)."""
        wider = self.pieces.samples + 2 * self.delay
        around = pad(utterance, (self.delay, 0))[None]
        shares = self.pieces.audio_shares(len(utterance))
        pieces = Chunking(wider, 2 * self.delay).split(around)[0, : len(shares)][shares >= MINIMUM_AUDIO_SHARE]
        first, last = self._bins(wider)
        spectra = torch.fft.rfft(pieces)
        spectra[:, :first] = spectra[:, last:] = 0
        window = taper(self.pieces.samples, self.fade).to(utterance)
        # By Parseval's theorem about what _level measures at each delay.
        energy = correlated(torch.fft.irfft(spectra, wider).square(), window.square())
        first, last = self._bins(self.pieces.samples)
        level = (energy.clamp(min=0) / (2 * (last - first))).sqrt().clamp(min=LOWEST_LEVEL)
        fits = torch.zeros_like(level[0])
        for piece, levels in zip(pieces, level, strict=True):
            projections = correlated(piece, self.carriers.waveforms)
            fits += fit(self._places(projections.T, levels)).amax(-1)
        return fits

    def _level(self, pieces: torch.Tensor) -> torch.Tensor:
        """The standard deviation of white noise that has a piece's energy in the band, (…, samples) → (…)."""
        samples = pieces.shape[-1]
        first, last = self._bins(samples)
        spectra = torch.fft.rfft(pieces * taper(samples, self.fade).to(pieces))[..., first:last]
        level: torch.Tensor = (spectra.abs().square().mean(-1) / samples).sqrt().clamp(min=LOWEST_LEVEL)
        return level

    def _shape(self, pieces: torch.Tensor) -> torch.Tensor:
        """The mark's amplitude by cell, (pieces, bins, frames): more where there is more speech."""
        energy = spectrum(pieces).abs().square()
        around = [size // 2 for size in SMOOTHED]
        energy = avg_pool2d(energy[:, None], SMOOTHED, 1, around, count_include_pad=False)[:, 0]
        mean = energy.mean((1, 2), keepdim=True).clamp(min=1e-12)
        first, last = self._bins(2 * (energy.shape[1] - 1))
        shape = torch.zeros_like(energy)
        shape[:, first:last] = ((energy / mean + QUIET) ** self.follow)[:, first:last]
        return shape

    def _bins(self, window: int) -> tuple[int, int]:
        """The first bin of the band and the one after its last, in the spectrum of so many samples."""
        first, last = (round(hertz * window / self.network_rate) for hertz in self.band)
        return first, last

    def _heard(self, waveforms: torch.Tensor) -> torch.Tensor:
        least = int(self.pieces.samples * MINIMUM_AUDIO_SHARE)
        return prepare_network_input(waveforms, self.sample_rate, self.network_rate, least, self.device)


def fit(places: torch.Tensor) -> torch.Tensor:
    """How near projections are to a point of either lattice: from places in steps (…, bits) to −1 to 1, (…)."""
    found: torch.Tensor = (4 * torch.pi * places).cos().mean(-1)
    return found


def by_chance(sure: torch.Tensor, bits: int, trials: int) -> torch.Tensor:
    """The probability that unmarked pieces fit as well in one of so many trials (Šidák), float64 of the same shape.

    The mean over bits of cos 2πu, with u anywhere, has the variance 1/(2·bits); its tails are lighter than the normal
    law's, which is taken for it.
    """
    one = torch.special.erfc(sure.double() * sqrt(bits)) / 2
    found: torch.Tensor = -torch.special.expm1(trials * torch.log1p(-one.clamp(max=1 - 1e-15)))
    return found


def combined(chances: torch.Tensor) -> torch.Tensor:
    """Fisher's method: of independent probabilities (utterances, pieces) one for each utterance."""
    logs = -chances.clamp(min=1e-300).log().sum(1)
    found: torch.Tensor = torch.special.gammaincc(torch.full_like(logs, chances.shape[1]), logs)
    return found


def correlated(long: torch.Tensor, short: torch.Tensor) -> torch.Tensor:
    """Σₜ short(t)·long(t + d) for every d at which the short one lies within, (…, samples) each → (…, delays)."""
    size = long.shape[-1]
    product = torch.fft.rfft(long) * torch.fft.rfft(short, size).conj()
    found: torch.Tensor = torch.fft.irfft(product, size)[..., : size - short.shape[-1] + 1]
    return found
