"""FreeVC, the conversion of Fake the Real (section 4.1): content by WavLM, the voice by one embedding of the target.

Li, Tu and Xiao, 2023, "FreeVC: Towards High-Quality Text-Free One-Shot Voice Conversion", ICASSP, arXiv:2210.15418.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.conversions import Conversion
from sanguinaria.conversions.freevc.files import FREEVC, SPEAKER_ENCODER, WAVLM
from sanguinaria.core.fields import UserPath
from sanguinaria.core.missing_files import missing_checkpoint

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.conversions.freevc.network import FreeVCNetwork

SAMPLE_RATE = 16_000
# Seconds of audio in a pass; WavLM's first convolutions take 6 MB for each second.
SECONDS_PER_PASS = 16


class FreeVC(Conversion):
    """The published networks, with the published weights from three files of the user.

    The noise of the prior is the same for every utterance, so that nothing depends on its batch. The published code
    drops the last 320 samples; here they are computed from the utterance padded with silence.
    """

    has_network: ClassVar[bool] = True
    renamed: ClassVar[Mapping[str, str]] = {**Conversion.renamed, "widest": "decoder_channels"}

    checkpoint: UserPath = Field(default=Path("data/freevc/freevc.pth"), description="of FreeVC, as published")
    wavlm: UserPath = Field(
        default=Path("data/freevc/WavLM-Large.pt"), description="of WavLM, as its authors publish it"
    )
    speaker_encoder: UserPath = Field(
        default=Path("data/freevc/pretrained_bak_5805000.pt"), description="of FreeVC's speaker encoder, as published"
    )
    channels: int = Field(default=192, ge=2, multiple_of=2, description="of the latent space; published")
    layers: int = Field(default=16, ge=1, description="of the prior encoder; published")
    decoder_channels: int = Field(
        default=512, ge=16, multiple_of=16, description="of the decoder's first convolution; published"
    )
    seed: int = Field(default=0, ge=0, description="of the noise")

    def fingerprint(self) -> str:
        """Return a hash of the files' sizes and times; hashing a gigabyte whenever the Snakefile is parsed would take
        too long."""
        import hashlib

        states = [path.stat() for path in (self.checkpoint, self.wavlm, self.speaker_encoder) if path.is_file()]
        lines = [f"{state.st_size}\t{state.st_mtime_ns}" for state in states]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def missing_files(self) -> Iterator[tuple[str, str]]:
        for field, what in (("checkpoint", FREEVC), ("wavlm", WAVLM), ("speaker_encoder", SPEAKER_ENCODER)):
            if (message := missing_checkpoint(getattr(self, field), what)) is not None:
                yield field, message

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if sample_rate == SAMPLE_RATE:
            return None
        return f"it converts audio at {SAMPLE_RATE} Hz, and the corpus has {sample_rate} Hz"

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """Load the networks and embed the target speech; see :meth:`Conversion.converter`.

        Raises:
            InputError: the sample rate is not 16 kHz; a file is missing, or not the checkpoint that belongs there.
        """
        self.require_sample_rate(sample_rate)
        import torch

        from sanguinaria.conversions.freevc.speaker_encoder import embed_speech, load_speaker_encoder
        from sanguinaria.conversions.freevc.wavlm import content_features, load_wavlm

        wavlm, features = load_wavlm(self.wavlm)
        wavlm.to(device)
        with torch.inference_mode():
            speaker = embed_speech(load_speaker_encoder(self.speaker_encoder), target).to(device)
        network = self._network(features, len(speaker)).to(device)

        def convert(waveforms: torch.Tensor) -> torch.Tensor:
            batch_size = max(1, SECONDS_PER_PASS * SAMPLE_RATE // waveforms.shape[-1])
            converted = []
            for batch in torch.split(waveforms, batch_size):
                content = content_features(wavlm, batch)
                noise = self._noise(content.shape[-1]).to(batch)
                converted.append(network(content, speaker.expand(len(batch), -1), noise)[:, : batch.shape[-1]])
            return torch.cat(converted)

        return convert

    def _noise(self, frames: int) -> torch.Tensor:
        """Noise of the prior, (channels, frames), by the CPU's generator, so that every device has the same."""
        import torch

        return torch.randn(self.channels, frames, generator=torch.Generator().manual_seed(self.seed))

    def _network(self, features: int, speaker: int) -> FreeVCNetwork:
        """The network with its checkpoint's weights, for sizes of content features and speaker embedding."""
        from sanguinaria.conversions.freevc.network import FreeVCNetwork
        from sanguinaria.core.foreign_checkpoints import (
            checkpoint_entry,
            fold_weight_norm,
            load_weights,
            read_checkpoint,
        )

        checkpoint = read_checkpoint(self.checkpoint, FREEVC)
        weights = checkpoint_entry(checkpoint, "model", self.checkpoint, FREEVC)
        # Conversion does not use the posterior encoder, which is for training.
        used = {name: tensor for name, tensor in weights.items() if not name.startswith("enc_q.")}
        network = FreeVCNetwork(
            features=features,
            speaker=speaker,
            channels=self.channels,
            layers=self.layers,
            decoder_channels=self.decoder_channels,
        )
        load_weights(network, fold_weight_norm(used), self.checkpoint, FREEVC)
        return network.eval()
