"""Perth, the neural watermark of Resemble AI: present or absent, no message, below 2 kHz.

https://github.com/resemble-ai/Perth; weights and constants from its package ``resemble-perth`` 1.0.1 (MIT), directory
``perth/perth_net``. Only the weights come from there: the package's own interface resamples every clip to 32 kHz and
back, one at a time, and importing it needs librosa and an old setuptools. Its networks are plain stacks of
convolutions, and are computed here from the weights.

The network sees frames of 64 ms every 10 ms in bins of 15.625 Hz: at 16 kHz these are the very frames that it saw at
32 kHz in training, but for a sum over half as many samples. So it runs at the audio's own rate, in batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sanguinaria.core.errors import InputError
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
# Samples of the window in training (pretrained/implicit/hparams.yaml): magnitudes are relative to its sum.
TRAINING_WINDOW = 2048
# The smallest magnitude, `stft_magnitude_min` in the same file: −180 dB.
FLOOR = 1e-9
# A step of 1 in the network's input: 180 dB and a headroom of 15 dB (utils.py, `normalize`).
RANGE_DB = 195.0
# Frames below this share of the loudest are left alone (model/__init__.py, `magmask`).
MASK = 0.05
# The decoder's branches, and by what each stretches time (model/decoder.py).
BRANCHES = {"slow": 1.25, "normal": 1.0, "fast": 0.75}
# Audio in one pass, the quickest on CPUs: memory does not grow with the number of utterances.
SECONDS_AT_ONCE = 16


class Perth(Watermark):
    """Perth as its package ships it; there is nothing to set."""

    @property
    def message_bits(self) -> int:
        """None: the mark says only that it is there."""
        return 0

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """The weights in the installed package: 9.35 million parameters, 37 MB.

        Raises:
            sanguinaria.watermarks.WeightsError: the package is not installed, or holds other weights.
        """
        import torch

        state = torch.load(_checkpoint(), map_location="cpu", weights_only=True)["model"]
        _check(state)
        return {name: state[name] for name in _shapes()}

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> PerthMarker:
        """A marker for audio at ``sample_rate`` Hz: a multiple of 500 Hz, as a frame is a whole number of samples, and
        at least 8 kHz, so that the mark is below half of it.

        Raises:
            InputError: another sample rate.
            sanguinaria.watermarks.WeightsError: the weights are not Perth's.
        """
        if sample_rate % 500 or sample_rate < 8_000:
            raise InputError(f"Perth marks audio at multiples of 500 Hz from 8,000 Hz on, not at {sample_rate:,} Hz")
        _check(weights)
        return PerthMarker({name: weights[name].to(device) for name in _shapes()}, sample_rate, device)


@dataclass(frozen=True)
class PerthMarker(Marker):
    """Perth's encoder and decoder for audio at one sample rate; utterances do not depend on others in their batch."""

    weights: Mapping[str, torch.Tensor]
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None = None) -> torch.Tensor:
        """What Perth adds to each utterance, (utterances, samples) → (utterances, samples), float32.

        The encoder scales each bin of the spectrum, S → g·S. As the transform is linear, the watermark is the inverse
        of (g − 1)·S, with no error of analysis and synthesis in it; silence gets none.

        Raises:
            ValueError: a message is given.
        """
        import torch

        if message is not None:
            raise ValueError("Perth carries no message")
        with torch.no_grad():
            return torch.cat([self._encode(some) for some in self._passes(waveforms)])

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Score in [0, 1] that each utterance is marked, (utterances,), 0 for silence; and no bits, (utterances, 0).

        Of one-second clips of unmarked speech 5 % score above 0.5 and 1 % above 0.9; of marked ones 98 % above 0.9.
        """
        import torch

        with torch.no_grad():
            scores = torch.cat([self._decode(some) for some in self._passes(waveforms)])
        return Detection(scores, scores.new_empty(len(scores), 0))

    def _passes(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, ...]:
        import torch

        return torch.split(waveforms, max(1, SECONDS_AT_ONCE * self.sample_rate // waveforms.shape[-1]))

    def _encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        import torch

        spectrum = self._spectrum(waveforms)
        levels = self._levels(spectrum)
        raised = self._stack("encoder.layers", levels[:, :SUBBAND]) * _mask(levels)
        change = torch.zeros_like(spectrum)
        change[:, :SUBBAND] = spectrum[:, :SUBBAND] * (10 ** (raised * RANGE_DB / 20) - 1)
        return torch.istft(change, **self._frames, length=waveforms.shape[-1]).to(waveforms.device)

    def _decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        import torch

        levels = self._levels(self._spectrum(waveforms))
        means = torch.stack([self._branch(name, stretch, levels) for name, stretch in BRANCHES.items()], dim=-1)
        attention, marked = means.unbind(dim=1)  # (utterances, branches) each
        scores = (marked * attention.softmax(dim=-1)).sum(dim=-1).clamp(0, 1)
        return scores.to(waveforms.device)

    def _branch(self, name: str, stretch: float, levels: torch.Tensor) -> torch.Tensor:
        """Attention and score of one of the decoder's branches, means over its frames: (utterances, 2)."""
        from torch.nn.functional import interpolate

        frames = int(levels.shape[-1] * stretch)
        stretched = interpolate(levels[:, :SUBBAND], size=frames, mode="linear", align_corners=True)
        mask = interpolate(_mask(levels), size=frames, mode="nearest")
        outputs = self._stack(f"decoder.{name}_layers", stretched)
        # The package divides by 0 where all frames are silent.
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
        """Normalised levels as in training, 0 at the floor: (utterances, bins, frames), real."""
        magnitudes = spectrum.abs() * (TRAINING_WINDOW / self._window)
        return (magnitudes.clamp(min=FLOOR) / FLOOR).log10() * (20 / RANGE_DB)

    def _spectrum(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Short-time spectrum, (utterances, samples) → (utterances, bins, frames), complex."""
        import torch

        # An utterance of less than half a window cannot be reflected at its ends.
        missing = max(0, self._window // 2 + 1 - waveforms.shape[-1])
        padded = torch.nn.functional.pad(waveforms.to(self.device, torch.float32), (0, missing))
        return torch.stft(padded, **self._frames, return_complex=True)

    @property
    def _window(self) -> int:
        """64 ms in samples."""
        return self.sample_rate * 8 // 125

    @property
    def _frames(self) -> dict[str, Any]:
        """Hann windows every 10 ms, as arguments of torch's transforms."""
        import torch

        window = torch.hann_window(self._window, device=self.device)
        return {"n_fft": self._window, "hop_length": self.sample_rate // 100, "window": window}


def _mask(levels: torch.Tensor) -> torch.Tensor:
    """1 for the frames that are not silent, relative to their utterance's loudest: (utterances, 1, frames)."""
    totals = levels.sum(dim=1, keepdim=True)
    return (totals > MASK * totals.amax(dim=-1, keepdim=True)).to(levels.dtype)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight."""
    return dict(shape for name, outputs in STACKS.items() for shape in _stack_shapes(name, outputs))


def _stack_shapes(name: str, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    channels = [SUBBAND, *[HIDDEN] * LAST, outputs]
    for layer in range(LAST + 1):
        width = 1 if layer in (0, LAST) else KERNEL
        yield f"{name}.{layer}.conv.weight", (channels[layer + 1], channels[layer], width)
        yield f"{name}.{layer}.conv.bias", (channels[layer + 1],)


def _check(weights: Mapping[str, torch.Tensor]) -> None:
    expected = _shapes()
    # The package's file holds weights of other parts, too.
    own = {name: weight for name, weight in weights.items() if name in expected}
    if (difference := mismatch(own, expected)) is not None:
        raise WeightsError(f"these weights are not Perth's: {difference}")


def _checkpoint() -> Path:
    """Where the package keeps its weights; the package itself is not imported."""
    from importlib.util import find_spec
    from pathlib import Path

    package = find_spec("perth")
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        if (path := Path(folder, CHECKPOINT)).is_file():
            return path
    raise WeightsError(f"Perth's weights, {CHECKPOINT}, are not installed: install resemble-perth==1.0.1")
