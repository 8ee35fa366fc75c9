"""What PKDMark's teacher and student share: settings about messages and training, and loading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Plugin
from sanguinaria.core.state_dicts import mismatch, shapes
from sanguinaria.corpora import Corpus
from sanguinaria.watermarks import Watermark, WeightsError

if TYPE_CHECKING:
    import torch

    from sanguinaria.distortions._attack_layer import AttackLayer
    from sanguinaria.watermarks._pkdmark.marker import SyncMarker
    from sanguinaria.watermarks._pkdmark.network import MarkNetwork
    from sanguinaria.watermarks._pkdmark.sync_code import SyncCode

# Held-out utterances that the history tells of.
VALIDATED = 64
# Seconds of a piece: capacities are per second.
PIECE_SECONDS = 1


class PkdSettings(Watermark):
    """A watermark whose every second begins with a code that says that it is there."""

    corpus: str = Field(description="entry of `corpora`: its training utterances, of at least a second")
    utterances: int = Field(default=20_000, ge=1, description="at most so many of them, as they are held in memory")
    # In the specification of a stage, the settings of the entries as text: their names are in no identity.
    edits: tuple[str, ...] = Field(
        default=(), description="entries of `distortions`, one of which happens to marked audio in each training step"
    )
    bits: int = Field(default=16, ge=1, description="in each second, the code's among them")
    sync: str = Field(
        default="11100101",
        pattern="^[01]*$",
        description="the code, of 8 bits in the paper, which does not tell them; with none there is no detection",
    )
    sync_required: int = Field(default=7, ge=0, description="bits of the code that have to be right")
    spread: int = Field(default=1, ge=1, description="seconds that a message takes")
    overlap: float = Field(
        default=0.05, ge=0, le=0.5, description="seconds by which the one-second pieces of longer audio cross-fade"
    )
    batch_size: int = Field(default=16, ge=2)
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's, at its highest")
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _code_fits(self) -> PkdSettings:
        if len(self.sync) >= self.bits:
            raise ValueError(f"sync has {len(self.sync)} bits, which leave none of {self.bits} for a message")
        if self.sync and not 0 < self.sync_required <= len(self.sync):
            raise ValueError(f"sync_required ({self.sync_required}) is not between 1 and sync's {len(self.sync)} bits")
        return self

    @property
    def message_bits(self) -> int:
        """What is left beside the code."""
        return (self.bits - len(self.sync)) * self.spread

    @property
    def references(self) -> Mapping[str, tuple[str, str | tuple[str, ...]]]:
        return {"corpus": ("corpora", self.corpus), "edits": ("distortions", self.edits)}

    @property
    def code(self) -> SyncCode:
        from sanguinaria.watermarks._pkdmark.sync_code import SyncCode

        return SyncCode(tuple(int(bit) for bit in self.sync), self.sync_required)

    def _attacks(self, sample_rate: int) -> AttackLayer:
        from sanguinaria.distortions._attack_layer import build_attack_layer

        return build_attack_layer(self.edits, sample_rate)

    def _marker(
        self,
        encoder: MarkNetwork,
        decoder: MarkNetwork,
        ratio: float | None,
        network_rate: int,
        sample_rate: int,
        device: torch.device,
    ) -> SyncMarker:
        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks._pkdmark.marker import SyncMarker

        if sample_rate != network_rate:
            tell_of_resampling(encoder, network_rate, sample_rate)
        for network in (encoder, decoder):
            network.requires_grad_(False)
            network.to(device).eval()
        pieces = Chunking(PIECE_SECONDS * network_rate, round(self.overlap * network_rate))
        return SyncMarker(encoder, decoder, self.code, pieces, self.spread, ratio, network_rate, sample_rate, device)


def corpus_problems(corpus: Plugin, sample_rate: int) -> Iterator[tuple[str, str]]:
    """What keeps networks of a sample rate in Hz from being trained on a corpus, as (field, message) pairs."""
    assert isinstance(corpus, Corpus)
    if corpus.sample_rate != sample_rate:
        yield "corpus", f"it is trained at {sample_rate:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
    if corpus.duration < PIECE_SECONDS:
        yield "corpus", f"it is trained on whole seconds, and the corpus's utterances have {corpus.duration:g} s"


def tell_of_resampling(network: MarkNetwork, network_rate: int, sample_rate: int) -> None:
    """Say that audio is not at the network's rate, and whether that takes something from marks."""
    highest = (network.band.first + network.band.bins - 1) * network_rate / network.band.fft
    lost = f"; of the mark, which reaches up to {highest:,.0f} Hz, what lies above half of the audio's rate is lost"
    print(
        f"watermark: audio at {sample_rate:,} Hz is resampled to the network's {network_rate:,} Hz, and the mark back"
        + (lost if highest > sample_rate / 2 else ""),
        flush=True,
    )


def fill(network: MarkNetwork, weights: Mapping[str, torch.Tensor], prefix: str) -> MarkNetwork:
    """Put weights, whose names begin with the prefix, into a network that was made on the device "meta".

    Raises:
        sanguinaria.watermarks.WeightsError: they are of another size.
    """
    state = {
        name.removeprefix(prefix): weight.float().clone() for name, weight in weights.items() if name.startswith(prefix)
    }
    if (difference := mismatch(state, shapes(network.state_dict()))) is not None:
        raise WeightsError(
            f"these weights are of another size: {prefix}{difference}. Check bits, fft, bins, layout, blocks, channels "
            "and message"
        )
    network.load_state_dict(state, assign=True)
    return network


def named(prefix: str, network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A network's weights, their names with a prefix, on the CPU."""
    return {prefix + name: weight.detach().cpu().contiguous().clone() for name, weight in network.state_dict().items()}
