"""FreeVC, the conversion of Fake the Real (section 4.1): content by WavLM, the voice by one embedding of the target.

Li, Tu and Xiao, 2023, "FreeVC: Towards High-Quality Text-Free One-Shot Voice Conversion", ICASSP, arXiv:2210.15418.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.conversions import Conversion
from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.conversions.freevc.network import FreeVCNetwork

SAMPLE_RATE = 16_000
WHAT = "FreeVC's checkpoint for 16 kHz with a separate speaker encoder (freevc.pth)"
# Utterances of one second in a pass; WavLM's first convolutions take 6 MB each.
SECONDS_AT_ONCE = 16


class FreeVC(Conversion):
    """The published networks, with the published weights from three files of your own.

    The noise of the prior is the same for every utterance, so that nothing depends on its batch. In place of the last
    320 samples, which the published code leaves out, there is what WavLM makes of the utterance with silence after it.
    """

    has_network: ClassVar[bool] = True

    checkpoint: Path = Field(default=Path("data/freevc/freevc.pth"), description="of FreeVC, as published")
    wavlm: Path = Field(default=Path("data/freevc/WavLM-Large.pt"), description="of WavLM, as its authors publish it")
    speaker_encoder: Path = Field(
        default=Path("data/freevc/pretrained_bak_5805000.pt"), description="of the encoder that FreeVC comes with"
    )
    channels: int = Field(default=192, ge=2, multiple_of=2, description="of the latent space; published")
    layers: int = Field(default=16, ge=1, description="of the prior encoder; published")
    widest: int = Field(default=512, ge=16, multiple_of=16, description="channels at the decoder's start; published")
    seed: int = Field(default=0, ge=0, description="of the noise")

    def fingerprint(self) -> str:
        """Sizes and times of the files; hashing a gigabyte each time the Snakefile is read would take too long."""
        import hashlib

        states = [path.stat() for path in (self.checkpoint, self.wavlm, self.speaker_encoder) if path.is_file()]
        lines = [f"{state.st_size}\t{state.st_mtime_ns}" for state in states]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """As of the protocol.

        Raises:
            InputError: the sample rate is another one than 16 kHz; a file is absent, or not what belongs there.
        """
        if sample_rate != SAMPLE_RATE:
            raise InputError(f"freevc: it speaks at {SAMPLE_RATE} Hz, and the corpus has {sample_rate} Hz")
        import torch

        from sanguinaria.conversions.freevc.speaker_encoder import embedding_of, load_speaker_encoder
        from sanguinaria.conversions.freevc.wavlm import content_of, load_wavlm

        wavlm, features = load_wavlm(self.wavlm)
        wavlm.to(device)
        with torch.inference_mode():
            speaker = embedding_of(load_speaker_encoder(self.speaker_encoder), target).to(device)
        network = self._network(features, len(speaker)).to(device)

        def convert(waveforms: torch.Tensor) -> torch.Tensor:
            at_once = max(1, SECONDS_AT_ONCE * SAMPLE_RATE // waveforms.shape[-1])
            made = []
            for some in torch.split(waveforms, at_once):
                content = content_of(wavlm, some)
                noise = self._noise(content.shape[-1]).to(some)
                made.append(network(content, speaker.expand(len(some), -1), noise)[:, : some.shape[-1]])
            return torch.cat(made)

        return convert

    def _noise(self, frames: int) -> torch.Tensor:
        """(channels, frames), by the CPU's generator, so that devices draw the same."""
        import torch

        return torch.randn(self.channels, frames, generator=torch.Generator().manual_seed(self.seed))

    def _network(self, features: int, speaker: int) -> FreeVCNetwork:
        from sanguinaria.conversions.freevc.network import FreeVCNetwork
        from sanguinaria.core.foreign_checkpoints import (
            checkpoint_entry,
            fold_weight_norm,
            load_weights,
            read_checkpoint,
        )

        weights = checkpoint_entry(read_checkpoint(self.checkpoint, WHAT), "model", self.checkpoint, WHAT)
        # The posterior encoder only trains.
        kept = {name: tensor for name, tensor in weights.items() if not name.startswith("enc_q.")}
        network = FreeVCNetwork(features, speaker, self.channels, self.layers, self.widest)
        load_weights(network, fold_weight_norm(kept), self.checkpoint, WHAT)
        return network.eval()
