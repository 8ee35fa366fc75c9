"""AudioSeal's networks: those of the package ``audioseal`` 0.2.0, at any size, and what runs them in batches.

San Roman et al., "Proactive Detection of Voice Cloning with Localized Watermarking", ICML 2024, arXiv:2401.17264. The
plug-ins differ in where the weights come from: published, trained from scratch, or fine-tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sanguinaria.core import devices
from sanguinaria.core.errors import InputError
from sanguinaria.core.state_dicts import mismatches, shapes
from sanguinaria.core.torchaudio_import import prepare
from sanguinaria.watermarks import Detection, Marker, Watermark, WeightsError

if TYPE_CHECKING:
    import torch

Part = Literal["generator", "detector"]
PARTS: tuple[Part, Part] = ("generator", "detector")
# Hz of the published networks' training audio (section 4.1 of the paper).
SAMPLE_RATE = 16_000
# Audio in one pass through a network. The quickest of 1 to 32 s on CPUs (benchmarks/audioseal_embedding.py), as more
# falls out of the cache; and memory does not grow with the number of utterances.
SAMPLES_AT_ONCE = 16 * SAMPLE_RATE
# What levels are evened out to: −26 dB of full scale, speech as it is usually recorded (ITU-T P.56's nominal level).
USUAL_LEVEL = 0.05


class AudioSealNetworks(Watermark):
    """A generator and a detector; what all plug-ins with these networks share.

    The defaults of ``filters``, ``dimension``, ``lstm`` and ``bits`` are the published size.
    """

    card: str = Field(default="audioseal_wm_16bits", description="the package's card of the generator")
    detector_card: str = Field(default="audioseal_detector_16bits", description="the package's card of the detector")
    precision: Literal["float32", "bfloat16"] = Field(
        default="bfloat16",
        description="of the networks' arithmetic; bfloat16 is twice as fast where the processor "
        "has it, and is float32 elsewhere",
    )
    filters: int = Field(default=32, ge=2, multiple_of=2, description="channels of the first convolution")
    dimension: int = Field(default=128, ge=1, description="channels between encoder and decoder")
    lstm: int = Field(default=2, ge=0, description="layers of each LSTM")
    bits: int = Field(default=16, ge=1, description="length of the message")
    level_window: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="seconds over which the level of what the networks hear is evened out; the mark then follows the "
        "speech's level. 0, as published: levels are left alone",
    )

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits

    def network(self, part: Part, weights: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """The package's own generator or detector, float32, with weights as of :meth:`obtain`; for training, too.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another architecture.
        """
        import torch

        prefix = f"{part}."
        state = {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
        with torch.device("meta"):
            network = self._build(part)
        check(state, network, part)
        network.load_state_dict({name: weight.float().clone() for name, weight in state.items()}, assign=True)
        return network

    @property
    def window(self) -> int:
        """Samples over which levels are evened out; 0 where they are not."""
        return round(self.level_window * SAMPLE_RATE)

    @staticmethod
    def state(generator: torch.nn.Module, detector: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The weights of two networks as :meth:`obtain` returns them: the inverse of :meth:`network`."""
        parts = {"generator": generator, "detector": detector}
        return {
            f"{part}.{name}": tensor.detach().cpu().contiguous()
            for part, network in parts.items()
            for name, tensor in network.state_dict().items()
        }

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> AudioSealMarker:
        """A marker for audio at 16 kHz, the networks' own rate.

        Raises:
            InputError: another sample rate.
            sanguinaria.watermarks.WeightsError: the weights are of another architecture.
        """

        if sample_rate != SAMPLE_RATE:
            raise InputError(f"AudioSeal marks audio at {SAMPLE_RATE:,} Hz, not at {sample_rate:,} Hz")
        # Cast rather than under autocast, which casts the weights anew in each pass: a tenth of the speed on a CPU.
        dtype = devices.compute_dtype(self.precision, device)
        generator, detector = (_channels_last(self.network(part, weights).to(device, dtype)) for part in PARTS)
        return AudioSealMarker(generator, detector, device, dtype, self.window)

    def _build(self, part: Part) -> torch.nn.Module:
        """The package's network, untrained, on torch's default device."""
        prepare()
        from audioseal import builder
        from audioseal.loader import AudioSeal as Package

        settings = self._card(part)
        settings["nbits"] = self.bits
        settings["seanet"].update(n_filters=self.filters, dimension=self.dimension, lstm=self.lstm)
        if part == "generator":
            return builder.create_generator(Package.parse_config(settings, builder.AudioSealWMConfig)).eval()
        return builder.create_detector(Package.parse_config(settings, builder.AudioSealDetectorConfig)).eval()

    def _card(self, part: Part) -> dict[str, Any]:
        prepare()
        from audioseal.loader import load_local_model_config
        from omegaconf import OmegaConf

        name = self.card if part == "generator" else self.detector_card
        if (card := load_local_model_config(name)) is None:
            raise WeightsError(f"the audioseal package has no card {name}")
        return OmegaConf.to_container(card)  # type: ignore[return-value]


@dataclass(frozen=True)
class AudioSealMarker(Marker):
    """Generator and detector on a device; utterances do not depend on others in their batch, but for rounding."""

    # audioseal.models.AudioSealWM and AudioSealDetector; the package is not typed.
    generator: Any
    detector: Any
    device: torch.device
    dtype: torch.dtype
    window: int = 0

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """What the generator adds to each utterance: (utterances, samples) → (utterances, samples), float32.

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
        """The detector's probability of a mark, mean over the samples, (utterances,), and that of a 1 for each bit, of
        the logit's mean over the samples, (utterances, bits); float32."""
        import torch

        with torch.no_grad():
            scores, bits = zip(*map(self._detect, _passes(waveforms)), strict=True)
        return Detection(torch.cat(scores), torch.cat(bits))

    def _generate(self, waveforms: torch.Tensor, messages: torch.Tensor) -> torch.Tensor:
        # `.model` passes by the package's wrapper, which would compile the networks.
        heard, gain = levelled(waveforms.to(self.device), self.window)
        hidden = self.generator.encoder.model(self._image(heard)).squeeze(2)
        hidden = self.generator.msg_processor(hidden, messages)
        watermark: torch.Tensor = self.generator.decoder.model(hidden.unsqueeze(2))
        # As the strides do not divide every length, the decoder's output may be longer.
        followed = watermark[:, 0, 0, : waveforms.shape[-1]] * gain
        return followed.to(waveforms.device, waveforms.dtype)

    def _detect(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        encoder, last = self.detector.detector
        heard, _ = levelled(waveforms.to(self.device), self.window)
        hidden = encoder.model(self._image(heard)).squeeze(2)
        logits = last(encoder.reverse_convolution(hidden))[..., : waveforms.shape[-1]].float()
        scores = logits[:, :2].softmax(dim=1)[:, 1].mean(dim=-1)
        bits = logits[:, 2:].mean(dim=-1).sigmoid()
        return scores.to(waveforms.device), bits.to(waveforms.device)

    def _image(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(utterances, samples) → (utterances, channels, height, samples), with one channel and height 1."""
        return waveforms.to(self.device, self.dtype)[:, None, None]


def _passes(waveforms: torch.Tensor) -> tuple[torch.Tensor, ...]:
    import torch

    return torch.split(waveforms, max(1, SAMPLES_AT_ONCE // waveforms.shape[-1]))


def _channels_last(network: Any) -> Any:
    """The network, with its convolutions over images of height 1 in channels-last order, which PyTorch knows for
    images alone: a quarter to a half faster on CPUs, and the same result."""
    from audioseal.libs.moshi.modules.lstm import RawStreamingLSTM
    from audioseal.libs.moshi.modules.streaming import RawStreamingConv1d, RawStreamingConvTranspose1d

    for layer in network.modules():
        if isinstance(layer, RawStreamingConv1d | RawStreamingConvTranspose1d):
            layer.forward = _over_images(layer.inner_conv)  # type: ignore[method-assign]
        elif isinstance(layer, RawStreamingLSTM):
            layer.forward = partial(_recur, layer.forward)  # type: ignore[method-assign]
    return network


def _over_images(layer: torch.nn.Conv1d | torch.nn.ConvTranspose1d) -> partial[torch.Tensor]:
    import torch
    from torch.nn.functional import conv2d, conv_transpose2d

    return partial(
        conv_transpose2d if layer.transposed else conv2d,
        weight=layer.weight.detach().unsqueeze(2).contiguous(memory_format=torch.channels_last),
        bias=layer.bias,
        stride=(1, *layer.stride),
        dilation=(1, *layer.dilation),
    )


def _recur(forward: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    return forward(images.squeeze(2)).unsqueeze(2)


def check(state: Mapping[str, object], network: torch.nn.Module, what: str) -> None:
    """Compare names and shapes, and report the first few that differ."""
    wrong = mismatches(state, shapes(network.state_dict()))
    if wrong:
        raise WeightsError(
            f"the weights of the {what} are of another architecture: {'; '.join(wrong[:3])}"
            f"{f'; and {len(wrong) - 3} more' if len(wrong) > 3 else ''}. "
            "Check the card, and filters, dimension, lstm and bits"
        )


def generate(generator: Any, waveforms: torch.Tensor, messages: torch.Tensor, window: int = 0) -> torch.Tensor:
    """The watermark, with its gradient: waveforms (utterances, samples), messages (utterances, bits) of 0 and 1.

    With a window, in samples, G(x) becomes g·G(x / g), g being the local level of x over the usual one: the mark
    follows the speech.
    """
    heard, gain = levelled(waveforms, window)
    hidden = generator.msg_processor(generator.encoder.model(heard[:, None]), messages)
    watermark: torch.Tensor = generator.decoder.model(hidden)
    return watermark[:, 0, : waveforms.shape[-1]] * gain


def logits(detector: Any, waveforms: torch.Tensor, window: int = 0) -> torch.Tensor:
    """What the detector says of every sample, with its gradient: (utterances, 2 + bits, samples); the first two say
    that it is unmarked and that it is marked. With a window it hears audio of an even level, as the generator does."""
    encoder, last = detector.detector
    hidden = encoder.reverse_convolution(encoder.model(levelled(waveforms, window)[0][:, None]))
    found: torch.Tensor = last(hidden)
    return found[..., : waveforms.shape[-1]]


def levelled(waveforms: torch.Tensor, window: int) -> tuple[torch.Tensor, torch.Tensor | float]:
    """Waveforms (utterances, samples) brought to the usual level at every moment, and the gain that was taken out."""
    from sanguinaria.audio.levels import local_rms

    if not window:
        return waveforms, 1.0
    gain = local_rms(waveforms, window) / USUAL_LEVEL
    return waveforms / gain, gain
