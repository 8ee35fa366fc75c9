"""AudioSeal's generator and detector in batches, and their convolutions in the faster memory layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE, normalise_level, within_band

if TYPE_CHECKING:
    import torch

# Audio in one pass through a network. The fastest of 1 to 32 s on CPUs (benchmarks/audioseal_embedding.py), as more
# exceeds the cache; and memory does not grow with the number of utterances.
SAMPLES_PER_PASS = 16 * SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class AudioSealMarker(Marker):
    """Generator and detector on a device; an utterance's results do not depend on its batch, but for rounding.

    Attributes:
        generator: ``audioseal.models.AudioSealWM``, in channels-last order (:func:`channels_last`).
        detector: ``audioseal.models.AudioSealDetector``, likewise.
        device: where they compute.
        dtype: of their arithmetic.
        window: of the level normalisation, in samples; 0 for none.
    """

    # The package is not typed.
    generator: Any
    detector: Any
    device: torch.device
    dtype: torch.dtype
    window: int = 0

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """Compute the generator's output for each utterance, float32; see :meth:`Marker.watermark`.

        Raises:
            ValueError: the message is not (bits,) or (utterances, bits) of 0 and 1.
        """
        import torch

        from sanguinaria.watermarks._message_parts import expanded_message

        bits = self.generator.msg_processor.nbits
        passes = _passes(waveforms)
        messages = torch.split(expanded_message(message, len(waveforms), bits).to(self.device), len(passes[0]))
        with torch.no_grad():
            return torch.cat(list(map(self._generate, passes, messages)))

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Compute the detector's output, float32; see :meth:`Marker.detect`.

        The score is the probability of a mark, averaged over the samples; that of a bit is computed from its logit,
        averaged over the samples.
        """
        import torch

        with torch.no_grad():
            scores, bits = zip(*map(self._detect, _passes(waveforms)), strict=True)
        return Detection(torch.cat(scores), torch.cat(bits))

    def _generate(self, waveforms: torch.Tensor, messages: torch.Tensor) -> torch.Tensor:
        # `.model` bypasses the package's wrapper, which would compile the networks.
        normalised, gain = normalise_level(waveforms.to(self.device), self.window)
        hidden = self.generator.encoder.model(self._image(normalised)).squeeze(2)
        hidden = self.generator.msg_processor(hidden, messages)
        watermark: torch.Tensor = self.generator.decoder.model(hidden.unsqueeze(2))
        # As the strides do not divide every length, the decoder's output may be longer.
        scaled = within_band(self.generator, watermark[:, 0, 0, : waveforms.shape[-1]] * gain)
        return scaled.to(waveforms.device, waveforms.dtype)

    def _detect(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        encoder, last = self.detector.detector
        normalised, _ = normalise_level(waveforms.to(self.device), self.window)
        hidden = encoder.model(self._image(normalised)).squeeze(2)
        logits = last(encoder.reverse_convolution(hidden))[..., : waveforms.shape[-1]].float()
        scores = logits[:, :2].softmax(dim=1)[:, 1].mean(dim=-1)
        bits = logits[:, 2:].mean(dim=-1).sigmoid()
        return scores.to(waveforms.device), bits.to(waveforms.device)

    def _image(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Add a channel and a height of 1: (utterances, samples) → (utterances, channels, height, samples)."""
        return waveforms.to(self.device, self.dtype)[:, None, None]


def _passes(waveforms: torch.Tensor) -> tuple[torch.Tensor, ...]:
    import torch

    return torch.split(waveforms, max(1, SAMPLES_PER_PASS // waveforms.shape[-1]))


def channels_last(network: Any) -> Any:
    """Replace a network's convolutions by equal ones over images of height 1 in channels-last order.

    PyTorch supports that order for images alone. It is a quarter to a half faster on CPUs, and the result is the same.
    """
    from audioseal.libs.moshi.modules.lstm import RawStreamingLSTM
    from audioseal.libs.moshi.modules.streaming import RawStreamingConv1d, RawStreamingConvTranspose1d

    for layer in network.modules():
        if isinstance(layer, RawStreamingConv1d | RawStreamingConvTranspose1d):
            layer.forward = _image_convolution(layer.inner_conv)  # type: ignore[method-assign]
        elif isinstance(layer, RawStreamingLSTM):
            layer.forward = partial(_image_lstm, layer.forward)  # type: ignore[method-assign]
    return network


def _image_convolution(layer: torch.nn.Conv1d | torch.nn.ConvTranspose1d) -> partial[torch.Tensor]:
    """The convolution of images of height 1 with a layer's weights."""
    import torch
    from torch.nn.functional import conv2d, conv_transpose2d

    return partial(
        conv_transpose2d if layer.transposed else conv2d,
        weight=layer.weight.detach().unsqueeze(2).contiguous(memory_format=torch.channels_last),
        bias=layer.bias,
        stride=(1, *layer.stride),
        dilation=(1, *layer.dilation),
    )


def _image_lstm(forward: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """An LSTM over images of height 1."""
    return forward(images.squeeze(2)).unsqueeze(2)
