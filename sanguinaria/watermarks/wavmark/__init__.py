"""WavMark, a neural watermark of 16 bits in each second, behind a synchronisation pattern of 16 bits.

Chen et al., "WavMark: Watermarking for Audio Generation", arXiv:2308.12770. The network and the pattern are those of
the package ``wavmark`` 0.0.3, which has to be installed; weights come from the model hub, from a file, or, for
experiments with the architecture, from a seed.

Marks are the package's, and their positions are not. The package marks one second of every 1.1, leaves a rest of less
than that unmarked, and searches for starts every 0.05 s, so that it detects marks in delayed audio. Here seconds follow
one another, the last one is padded with silence, and they are decoded where they were marked: marks in delayed audio
are not detected. The package takes bits only from the seconds whose pattern matches; here pattern and message are
decoded from the mean over all of them, of which some may have been left unmarked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.fields import UserPath
from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark, WeightsError

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._pkdmark.marker import SyncMarker

# Hz of the published network's training audio (section 4.1 of the paper).
SAMPLE_RATE = 16_000
# Of the published checkpoint (wavmark/__init__.py, `load_model`).
REPOSITORY = "M4869/WavMark"
CHECKPOINT = "step59000_snr39.99_pesq4.35_BERP_none0.30_mean1.81_std1.81.model.pkl"
PAYLOAD_BITS = 16


class Wavmark(Watermark):
    """WavMark's network, as published, from the user's file, or untrained."""

    source: Literal["hub", "file", "random"] = Field(
        default="hub", description="of the weights: the model hub, a file, or a seed (untrained)"
    )
    checkpoint: UserPath | None = Field(
        default=None, description="path of a pickled state dict, as published, with source: file"
    )
    seed: int = Field(default=0, ge=0, description="of the weights, with source: random")
    sync_required: int = Field(
        default=16, ge=1, le=16, description="minimum number of matching bits of the pattern: all, as in the package"
    )
    min_snr: float = Field(
        default=20.0,
        description="signal-to-watermark ratio in dB below which a second is left unmarked, as in the package",
    )
    max_snr: float = Field(
        default=38.0,
        description="signal-to-watermark ratio in dB; a second above it is marked again, up to ten times, as in the "
        "package",
    )

    @model_validator(mode="after")
    def _settings_fit(self) -> Wavmark:
        if self.source == "file" and self.checkpoint is None:
            raise ValueError("source: file needs the path of the checkpoint")
        if self.source != "file" and self.checkpoint is not None:
            raise ValueError(f"checkpoint is read with source: file alone, not with source: {self.source}")
        if self.min_snr >= self.max_snr:
            raise ValueError(f"min_snr ({self.min_snr:g} dB) is not below max_snr ({self.max_snr:g} dB)")
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits, without the pattern."""
        return PAYLOAD_BITS

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if self.checkpoint is not None and not self.checkpoint.is_file():
            yield "checkpoint", f"no file {str(self.checkpoint)!r}: put the checkpoint there, or give its path"

    def fingerprint(self) -> str:
        """Return a hash of the checkpoint's content: another one of the same name is another watermark."""
        import hashlib

        if self.checkpoint is None or not self.checkpoint.is_file():
            return ""
        with self.checkpoint.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Return the network's state dict; of a checkpoint, nothing but tensors is unpickled.

        Raises:
            sanguinaria.watermarks.WeightsError: the checkpoint cannot be downloaded or read, or is of another network;
                or the package is not installed.
        """
        from sanguinaria.watermarks.wavmark.network import check_weights, random_weights

        if self.source == "random":
            return random_weights(self.seed)
        path = _download() if self.checkpoint is None else self.checkpoint
        state = _read(path)
        check_weights(state, str(path))
        return state

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> SyncMarker:
        """Build a marker; audio of another rate is resampled to 16 kHz, which is printed, and the mark back.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are not this network's, or the package is not installed.
        """
        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks._pkdmark.marker import SyncMarker, report_resampling
        from sanguinaria.watermarks._pkdmark.sync_code import SyncCode
        from sanguinaria.watermarks.wavmark.network import CHUNK, WavmarkNetwork, build_network, pattern

        network = WavmarkNetwork(build_network(weights).to(device), self.min_snr, self.max_snr)
        report_resampling(network.band, SAMPLE_RATE, sample_rate)
        return SyncMarker(
            encoder=network,
            decoder=network,
            code=SyncCode(pattern(), self.sync_required),
            chunking=Chunking(CHUNK, 0),
            parts=1,
            ratio=None,
            network_rate=SAMPLE_RATE,
            sample_rate=sample_rate,
            # The message lies in the phases of a spectrum, as the published network was trained in float32.
            precision="float32",
            device=device,
        )


def _download() -> Path:
    """The path of the published checkpoint, from the model hub or its local cache."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(REPOSITORY, CHECKPOINT))
    except Exception as error:  # the hub's client has no common exception
        raise WeightsError(
            f"WavMark's checkpoint, {CHECKPOINT} of {REPOSITORY}, could not be downloaded "
            f"({type(error).__name__}: {error}). Download it where there is a network, and set source: file, with "
            "checkpoint: the path of the file"
        ) from error


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a checkpoint."""
    import torch

    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged file can raise nearly anything
        from sanguinaria.core.foreign_checkpoints import unreadable_cause

        raise WeightsError(f"{path} cannot be read ({unreadable_cause(error)})") from error
