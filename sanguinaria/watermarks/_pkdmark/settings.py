"""Settings of PKDMark's teacher and student on messages and training, and loading of their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field, model_validator

from sanguinaria.core.state_dicts import mismatch, shapes
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks._invertible.trained_watermark import CHUNK_SECONDS, TrainedWatermark

if TYPE_CHECKING:
    import torch

    from sanguinaria.distortions._attack_layer import AttackLayer
    from sanguinaria.watermarks._pkdmark.marker import SyncMarker
    from sanguinaria.watermarks._pkdmark.network import PkdNetwork
    from sanguinaria.watermarks._pkdmark.sync_code import SyncCode

Network = TypeVar("Network", bound="torch.nn.Module")


class PkdSettings(TrainedWatermark):
    """A watermark whose every second begins with a synchronisation code."""

    bits: int = Field(default=16, ge=1, description="message bits in each second, the code's among them")
    sync: str = Field(
        default="11100101",
        pattern="^[01]*$",
        description="the synchronisation code, of 8 bits in the paper, which does not give their values; without one "
        "there is no detection",
    )
    sync_required: int = Field(default=7, ge=0, description="minimum number of matching bits of the code")
    sync_margin: float = Field(
        default=0.0, ge=0, lt=0.5, description="by which the probability of a matching bit of the code is off ½"
    )
    warps: tuple[Annotated[float, Field(ge=0.5, le=2)], ...] = Field(
        default=(),
        description="factors of frequency, of other speeds and pitches, that the detector searches beside 1: it undoes "
        "each in two alignments and decodes where the code matches best; each adds to the false positives, by "
        "sync_required",
    )
    distortion_per_utterance: bool = Field(
        default=False,
        description="in training, a distortion for each utterance instead of one for all of a step; of each warp's "
        "pitch, too, with its factor undone",
    )
    unmarked_weight: float = Field(
        default=0.0,
        ge=0,
        description="of the squared deviations from ½ of the bits decoded from unmarked speech, within Eq. 3 or 9",
    )
    batch_size: int = Field(default=16, ge=2, description="crops in a training step")
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's maximum learning rate")

    @model_validator(mode="after")
    def _code_fits(self) -> PkdSettings:
        if len(self.sync) >= self.bits:
            raise ValueError(f"sync has {len(self.sync)} bits, which leave none of {self.bits} for a message")
        if self.sync and not 0 < self.sync_required <= len(self.sync):
            raise ValueError(f"sync_required ({self.sync_required}) is not between 1 and sync's {len(self.sync)} bits")
        if self.warps and not self.sync:
            raise ValueError("warps are searched by the synchronisation code: give sync, or no warps")
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits, without the code."""
        return (self.bits - len(self.sync)) * self.spread

    @property
    def code(self) -> SyncCode:
        """The synchronisation code."""
        from sanguinaria.watermarks._pkdmark.sync_code import SyncCode

        bits = tuple(int(bit) for bit in self.sync)
        return SyncCode(bits, self.sync_required, self.sync_margin, 1 + 2 * len(self.warps))

    def _attacks(self, sample_rate: int) -> AttackLayer:
        """The attack layer."""
        from sanguinaria.distortions._attack_layer import build_attack_layer
        from sanguinaria.watermarks._pkdmark.utterance_attacks import UtteranceAttacks

        layer = build_attack_layer(self.distortions, sample_rate)
        if not self.distortion_per_utterance:
            return layer
        return UtteranceAttacks(layer.distortions, sample_rate, warps=self.warps)

    def _marker(
        self,
        encoder: PkdNetwork,
        decoder: PkdNetwork,
        *,
        ratio: float | None,
        network_rate: int,
        sample_rate: int,
        device: torch.device,
    ) -> SyncMarker:
        """A marker of trained networks, which are moved to the device."""
        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks._pkdmark.marker import SyncMarker, report_resampling

        report_resampling(encoder.band, network_rate, sample_rate)
        for network in (encoder, decoder):
            network.requires_grad_(False)
        return SyncMarker(
            encoder=encoder.to(device).eval(),
            decoder=decoder.to(device).eval(),
            code=self.code,
            chunking=Chunking(CHUNK_SECONDS * network_rate, round(self.overlap * network_rate)),
            parts=self.spread,
            ratio=ratio,
            warps=self.warps,
            network_rate=network_rate,
            sample_rate=sample_rate,
            precision=self.precision,
            device=device,
        )


def load_prefixed(network: Network, weights: Mapping[str, torch.Tensor], prefix: str) -> Network:
    """Load weights whose names begin with a prefix into a network that was built on the device "meta".

    Args:
        network: receives the weights, in place.
        weights: state dict with the weights of several networks, a prefix for each.
        prefix: of this network's names, removed before they are loaded.

    Returns:
        The network, its weights in single precision.

    Raises:
        sanguinaria.watermarks.WeightsError: the weights are of a network of another size.
    """
    state = {
        name.removeprefix(prefix): weight.float().clone() for name, weight in weights.items() if name.startswith(prefix)
    }
    if (difference := mismatch(state, shapes(network.state_dict()))) is not None:
        raise WeightsError(
            f"these weights are of another size: {prefix}{difference}. Check bits, fft, bins, layout, blocks, channels "
            "and message_encoding"
        )
    network.load_state_dict(state, assign=True)
    return network


def prefixed_state(prefix: str, network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a network's weights on the CPU, with a prefix before their names."""
    return {prefix + name: weight.detach().cpu().contiguous().clone() for name, weight in network.state_dict().items()}
