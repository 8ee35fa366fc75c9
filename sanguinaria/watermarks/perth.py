"""Perth, the neural watermark of Resemble AI: present or absent, no message, below 2 kHz.

https://github.com/resemble-ai/Perth; weights and constants from its package ``resemble-perth`` 1.0.1 (MIT), directory
``perth/perth_net``. Only the weights are read from there: the package's own interface resamples every clip to 32 kHz
and back, one at a time, and importing it requires librosa and an old setuptools. Its networks are plain stacks of
convolutions, and are computed here from the weights.

The network's input is frames of 64 ms every 10 ms in bins of 15.625 Hz: at 16 kHz they equal the frames of its training
at 32 kHz, but for a sum over half as many samples. So it runs at the audio's own rate, in batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sanguinaria.core.state_dicts import mismatch
from sanguinaria.watermarks import NO_SOURCES, Detection, Marker, Sources, Watermark, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

CHECKPOINT = "perth_net/pretrained/implicit/perth_net_250000.pth.tar"
# Each stack of convolutions and its output channels (model/encoder.py, model/decoder.py).
STACKS = {"encoder.layers": 128, "decoder.slow_layers": 2, "decoder.normal_layers": 2, "decoder.fast_layers": 2}
# Bins that carry the mark, those below 2 kHz (model/__init__.py, `compute_subband_freq`), and the stacks' sizes.
SUBBAND, HIDDEN, KERNEL = 128, 256, 7
# Index of a stack's last layer: 1 × 1, five of the kernel's width, 1 × 1.
LAST = 6
# Samples of the window in training (pretrained/implicit/hparams.yaml), to which magnitudes are scaled.
TRAINING_WINDOW = 2048
# The smallest magnitude, `stft_magnitude_min` in the same file: −180 dB.
FLOOR = 1e-9
# Range of the network's normalised levels in dB: 180 and a headroom of 15 (utils.py, `normalize`).
RANGE_DB = 195.0
# Frames below this share of the loudest are not marked (model/__init__.py, `magmask`).
MASK_THRESHOLD = 0.05
# The decoder's branches, and the factor of each one's time-stretching (model/decoder.py).
BRANCHES = {"slow": 1.25, "normal": 1.0, "fast": 0.75}
# Audio in one pass, the fastest on CPUs: memory does not grow with the number of utterances.
SECONDS_PER_PASS = 16


class Perth(Watermark):
    """Perth as its package distributes it, without settings."""

    @property
    def message_bits(self) -> int:
        """Length of the message in bits: 0, as the mark only signals its presence."""
        return 0

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Read the weights of the installed package: 9.35 million parameters, 37 MB.

        Raises:
            sanguinaria.watermarks.WeightsError: the package is not installed, or contains other weights.
        """
        import torch

        state = torch.load(_checkpoint(), map_location="cpu", weights_only=True)["model"]
        _check(state)
        return {name: state[name] for name in _shapes()}

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if sample_rate % 500 == 0 and sample_rate >= 8_000:
            return None
        return f"Perth marks audio at multiples of 500 Hz, at least 8,000 Hz, not at {sample_rate:,} Hz"

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> PerthMarker:
        """Build encoder and decoder; see :meth:`Watermark.load`.

        The sample rate has to be a multiple of 500 Hz, as a frame is a whole number of samples, and at least 8 kHz, so
        that the mark is below half of it.

        Raises:
            InputError: another sample rate.
            sanguinaria.watermarks.WeightsError: the weights are not Perth's.
        """
        self.require_sample_rate(sample_rate)
        _check(weights)
        return PerthMarker({name: weights[name].to(device) for name in _shapes()}, sample_rate, device)


@dataclass(frozen=True)
class PerthMarker(Marker):
    """Perth's encoder and decoder for audio at one sample rate; results do not depend on the batch.

    Attributes:
        weights: state dict of the package's checkpoint.
        sample_rate: in Hz.
        device: where it computes.
    """

    weights: Mapping[str, torch.Tensor]
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the watermark of each utterance, float32, 0 in silence; see :meth:`Marker.watermark`.

        The encoder scales each bin of the spectrum, S → g·S. As the transform is linear, the watermark is the inverse
        of (g − 1)·S, without the errors of analysis and synthesis.

        Raises:
            ValueError: a message is given.
        """
        import torch

        if message is not None:
            raise ValueError("Perth carries no message")
        with torch.no_grad():
            return torch.cat([self._encode(batch) for batch in self._passes(waveforms)])

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Detect the mark; see :meth:`Marker.detect`. The score of silence is 0, and there are no bits.

        Of one-second clips of unmarked speech 5 % score above 0.5 and 1 % above 0.9; of marked ones 98 % above 0.9.
        """
        import torch

        with torch.no_grad():
            scores = torch.cat([self._decode(batch) for batch in self._passes(waveforms)])
        return Detection(scores, scores.new_empty(len(scores), 0))

    def _passes(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, ...]:
        import torch

        return torch.split(waveforms, max(1, SECONDS_PER_PASS * self.sample_rate // waveforms.shape[-1]))

    def _encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Watermarks of one pass, (utterances, samples)."""
        import torch

        spectrum = self._spectrum(waveforms)
        levels = self._levels(spectrum)
        level_change = self._stack("encoder.layers", levels[:, :SUBBAND]) * _mask(levels)
        change = torch.zeros_like(spectrum)
        change[:, :SUBBAND] = spectrum[:, :SUBBAND] * (10 ** (level_change * RANGE_DB / 20) - 1)
        return torch.istft(change, **self._frames, length=waveforms.shape[-1]).to(waveforms.device)

    def _decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Scores of one pass, (utterances,)."""
        import torch

        levels = self._levels(self._spectrum(waveforms))
        means = torch.stack([self._branch(name, stretch, levels) for name, stretch in BRANCHES.items()], dim=-1)
        attention, marked = means.unbind(dim=1)  # (utterances, branches) each
        scores = (marked * attention.softmax(dim=-1)).sum(dim=-1).clamp(0, 1)
        return scores.to(waveforms.device)

    def _branch(self, name: str, stretch: float, levels: torch.Tensor) -> torch.Tensor:
        """Attention and score of a branch of the decoder, averaged over its frames, (utterances, 2)."""
        from torch.nn.functional import interpolate

        frames = int(levels.shape[-1] * stretch)
        stretched = interpolate(levels[:, :SUBBAND], size=frames, mode="linear", align_corners=True)
        mask = interpolate(_mask(levels), size=frames, mode="nearest")
        outputs = self._stack(f"decoder.{name}_layers", stretched)
        # With silent frames alone, the package divides by 0.
        return (outputs * mask).sum(dim=-1) / mask.sum(dim=-1).clamp(min=1)

    def _stack(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """A stack of convolutions over time: (utterances, channels, frames) → (utterances, channels, frames)."""
        from torch.nn.functional import conv1d, leaky_relu

        for layer in range(LAST + 1):
            weight, bias = (self.weights[f"{name}.{layer}.conv.{part}"] for part in ("weight", "bias"))
            inputs = conv1d(inputs, weight, bias, padding=weight.shape[-1] // 2)
            if layer < LAST:
                inputs = leaky_relu(inputs)
        return inputs

    def _levels(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Levels normalised as in training, 0 at the floor, (utterances, bins, frames), real."""
        magnitudes = spectrum.abs() * (TRAINING_WINDOW / self._window)
        return (magnitudes.clamp(min=FLOOR) / FLOOR).log10() * (20 / RANGE_DB)

    def _spectrum(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Short-time spectrum, (utterances, samples) → (utterances, bins, frames), complex."""
        import torch

        # Reflect padding requires more than half a window of samples.
        missing = max(0, self._window // 2 + 1 - waveforms.shape[-1])
        padded = torch.nn.functional.pad(waveforms.to(self.device, torch.float32), (0, missing))
        return torch.stft(padded, **self._frames, return_complex=True)

    @property
    def _window(self) -> int:
        """64 ms in samples."""
        return self.sample_rate * 8 // 125

    @property
    def _frames(self) -> dict[str, Any]:
        """Arguments of torch's transforms for Hann windows every 10 ms."""
        import torch

        window = torch.hann_window(self._window, device=self.device)
        return {"n_fft": self._window, "hop_length": self.sample_rate // 100, "window": window}


def _mask(levels: torch.Tensor) -> torch.Tensor:
    """1 for frames above the mask's threshold relative to the utterance's loudest, else 0, (utterances, 1, frames)."""
    totals = levels.sum(dim=1, keepdim=True)
    return (totals > MASK_THRESHOLD * totals.amax(dim=-1, keepdim=True)).to(levels.dtype)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Expected name and shape of each weight."""
    return dict(shape for name, outputs in STACKS.items() for shape in _stack_shapes(name, outputs))


def _stack_shapes(name: str, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Expected name and shape of each weight of a stack."""
    channels = [SUBBAND, *[HIDDEN] * LAST, outputs]
    for layer in range(LAST + 1):
        width = 1 if layer in (0, LAST) else KERNEL
        yield f"{name}.{layer}.conv.weight", (channels[layer + 1], channels[layer], width)
        yield f"{name}.{layer}.conv.bias", (channels[layer + 1],)


def _check(weights: Mapping[str, torch.Tensor]) -> None:
    """Raise a WeightsError for weights of another network."""
    expected = _shapes()
    # The package's file contains weights of other networks, too.
    own = {name: weight for name, weight in weights.items() if name in expected}
    if (difference := mismatch(own, expected)) is not None:
        raise WeightsError(f"these weights are not Perth's: {difference}")


def _checkpoint() -> Path:
    """Path of the weights in the installed package, which is not imported."""
    from importlib.util import find_spec
    from pathlib import Path

    package = find_spec("perth")
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        if (path := Path(folder, CHECKPOINT)).is_file():
            return path
    raise WeightsError(f"Perth's weights, {CHECKPOINT}, are not installed: install resemble-perth==1.0.1")
