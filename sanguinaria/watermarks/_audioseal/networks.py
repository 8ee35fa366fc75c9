"""AudioSeal's networks at any size: those of the package ``audioseal`` 0.2.0.

San Roman et al., "Proactive Detection of Voice Cloning with Localized Watermarking", ICML 2024, arXiv:2401.17264. The
plug-ins differ in the source of the weights: published, trained from scratch, or fine-tuned.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sanguinaria.core import devices
from sanguinaria.core.state_dicts import mismatches, shapes
from sanguinaria.watermarks import Watermark, WeightsError
from sanguinaria.watermarks._audioseal.forward import BAND_PASS, SAMPLE_RATE
from sanguinaria.watermarks._audioseal.settings import Cutoffs

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._audioseal.marker import AudioSealMarker

Part = Literal["generator", "detector"]
PARTS: tuple[Part, Part] = ("generator", "detector")


class AudioSealNetworks(Watermark):
    """A generator and a detector: the settings and methods of all plug-ins with these networks.

    The defaults of ``filters``, ``dimension``, ``lstm`` and ``bits`` are the published size.
    """

    card: str = Field(default="audioseal_wm_16bits", description="the package's card of the generator")
    detector_card: str = Field(default="audioseal_detector_16bits", description="the package's card of the detector")
    precision: Literal["float32", "bfloat16"] = Field(
        default="bfloat16",
        description="of the networks' arithmetic; bfloat16 is twice as fast on processors with bfloat16 arithmetic, "
        "and is replaced by float32 on others",
    )
    filters: int = Field(default=32, ge=2, multiple_of=2, description="channels of the first convolution")
    dimension: int = Field(default=128, ge=1, description="channels between encoder and decoder")
    lstm: int = Field(default=2, ge=0, description="layers of each LSTM")
    bits: int = Field(default=16, ge=1, description="length of the message")
    level_window: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="seconds of the window in which the level of the networks' input is normalised; the mark then "
        "follows the speech's level. 0, as published: no normalisation",
    )

    band: Cutoffs | None = Field(
        default=None,
        description="Hz, the band that the mark is limited to by a linear-phase filter, such as [300, 3400]: a mark "
        "can hide below what is audible, or above what front ends keep; null, as published: no limit",
    )

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits

    def network(self, part: Part, weights: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """Build the package's own generator or detector in float32, for inference and for training.

        Args:
            part: which of the two.
            weights: state dict of both, as :meth:`obtain` returns it.

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
        if part == "generator" and self.band is not None:
            from sanguinaria.watermarks._audioseal.band_pass import BandPass

            network.add_module(BAND_PASS, BandPass(self.band, SAMPLE_RATE))
        return network

    @property
    def window(self) -> int:
        """Window of the level normalisation in samples; 0 for none."""
        return round(self.level_window * SAMPLE_RATE)

    @staticmethod
    def state(generator: torch.nn.Module, detector: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Return the state dict of both networks in the format of :meth:`obtain`: the inverse of :meth:`network`."""
        parts = {"generator": generator, "detector": detector}
        return {
            f"{part}.{name}": tensor.detach().cpu().contiguous()
            for part, network in parts.items()
            for name, tensor in network.state_dict().items()
        }

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if sample_rate == SAMPLE_RATE:
            return None
        return f"AudioSeal marks audio at {SAMPLE_RATE:,} Hz, not at {sample_rate:,} Hz"

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> AudioSealMarker:
        """Build generator and detector for audio at 16 kHz, the networks' own rate; see :meth:`Watermark.load`.

        Raises:
            InputError: another sample rate.
            sanguinaria.watermarks.WeightsError: the weights are of another architecture.
        """
        from sanguinaria.watermarks._audioseal.marker import AudioSealMarker, channels_last

        self.require_sample_rate(sample_rate)
        # Cast rather than under autocast, which casts the weights anew in each pass: a tenth of the speed on a CPU.
        dtype = devices.compute_dtype(self.precision, device)
        generator, detector = (channels_last(self.network(part, weights).to(device, dtype)) for part in PARTS)
        return AudioSealMarker(generator=generator, detector=detector, device=device, dtype=dtype, window=self.window)

    def _build(self, part: Part) -> torch.nn.Module:
        """The package's network, untrained, on torch's default device."""
        _disable_compilation()
        from audioseal import builder
        from audioseal.loader import AudioSeal as Package

        settings = self._card(part)
        settings["nbits"] = self.bits
        settings["seanet"].update(n_filters=self.filters, dimension=self.dimension, lstm=self.lstm)
        if part == "generator":
            return builder.create_generator(Package.parse_config(settings, builder.AudioSealWMConfig)).eval()
        return builder.create_detector(Package.parse_config(settings, builder.AudioSealDetectorConfig)).eval()

    def _card(self, part: Part) -> dict[str, Any]:
        """The package's card of a network: its hyper-parameters and the address of its checkpoint."""
        _disable_compilation()
        from audioseal.loader import load_local_model_config
        from omegaconf import OmegaConf

        name = self.card if part == "generator" else self.detector_card
        if (card := load_local_model_config(name)) is None:
            raise WeightsError(f"the audioseal package has no card {name}")
        return OmegaConf.to_container(card)  # type: ignore[return-value]


def check(state: Mapping[str, object], network: torch.nn.Module, description: str) -> None:
    """Compare the names and shapes of weights with a network's.

    Args:
        state: state dict to be checked.
        network: the expected architecture.
        description: of the weights, for the message.

    Raises:
        WeightsError: names or shapes differ; the message names the first three.
    """
    differences = mismatches(state, shapes(network.state_dict()))
    if differences:
        raise WeightsError(
            f"the weights of the {description} are of another architecture: {'; '.join(differences[:3])}"
            f"{f'; and {len(differences) - 3} more' if len(differences) > 3 else ''}. "
            "Check the card, and filters, dimension, lstm and bits"
        )


def _disable_compilation() -> None:
    """Keep the package from compiling its networks on first use, without gain; it reads the variable when imported."""
    os.environ.setdefault("NO_TORCH_COMPILE", "1")
