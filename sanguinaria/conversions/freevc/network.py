"""FreeVC's networks for conversion: the prior encoder, the flow, and the decoder.

Li, Tu and Xiao, 2023, "FreeVC: Towards High-Quality Text-Free One-Shot Voice Conversion", ICASSP, arXiv:2210.15418,
section 2; the parts are those of VITS (Kim et al., 2021, arXiv:2106.06103), and the sizes those of the published
configuration, ``freevc.json``. Names are those of the published checkpoint (without its posterior encoder).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import leaky_relu

SLOPE = 0.1
# Up-sampling factors of the decoder, whose product is the hop of a frame, and the sizes of their filters.
RATES, SIZES = (10, 8, 2, 2), (16, 16, 4, 4)
# Filter sizes of the residual blocks after each up-sampling, and the dilations in each block.
BLOCKS, DILATIONS = (3, 7, 11), (1, 3, 5)
FLOWS, FLOW_LAYERS = 4, 4


class WaveNet(nn.Module):
    """Gated convolutions with 5 taps and skip connections, optionally conditioned on a speaker embedding.

    Args:
        channels: of inputs and outputs.
        layers: of gated convolutions.
        speaker: size of the speaker embedding; 0 for no conditioning.

    Shape:
        - Input: (utterances, channels, frames); speaker (utterances, speaker, 1)
        - Output: (utterances, channels, frames)
    """

    def __init__(self, channels: int, layers: int, speaker: int = 0) -> None:
        super().__init__()
        self.channels = channels
        outputs = [2 * channels] * (layers - 1) + [channels]
        self.in_layers = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 5, padding=2) for _ in outputs)
        self.res_skip_layers = nn.ModuleList(nn.Conv1d(channels, size, 1) for size in outputs)
        if speaker:
            self.cond_layer = nn.Conv1d(speaker, 2 * channels * layers, 1)

    def forward(self, hidden: torch.Tensor, speaker: torch.Tensor | None = None) -> torch.Tensor:
        """Sum the skip connections of all layers."""
        count, last = len(self.in_layers), len(self.in_layers) - 1
        conditions = [None] * count if speaker is None else self.cond_layer(speaker).chunk(count, dim=1)
        skipped = torch.zeros_like(hidden)
        for number, (inner, outer) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            gates = inner(hidden) if speaker is None else inner(hidden) + conditions[number]
            values, openings = gates.chunk(2, dim=1)
            outputs = outer(values.tanh() * openings.sigmoid())
            if number < last:
                hidden, outputs = hidden + outputs[:, : self.channels], outputs[:, self.channels :]
            skipped = skipped + outputs
        return skipped


class PriorEncoder(nn.Module):
    """The prior of the latent variable given content features.

    Args:
        features: of a frame of content.
        channels: of the latent space.
        layers: of gated convolutions.

    Shape:
        - Input: (utterances, features, frames)
        - Output: mean and logarithm of the standard deviation, (utterances, channels, frames) each
    """

    def __init__(self, features: int, channels: int, layers: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(features, channels, 1)
        self.enc = WaveNet(channels, layers)
        self.proj = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute mean and logarithm of the standard deviation."""
        mean, deviation = self.proj(self.enc(self.pre(features))).chunk(2, dim=1)
        return mean, deviation


class Coupling(nn.Module):
    """An inverse affine coupling: half of the channels is shifted by a function of the other half and the speaker.

    Args:
        channels: of the latent space.
        speaker: size of the speaker embedding.

    Shape:
        - Input: (utterances, channels, frames); speaker (utterances, speaker, 1)
        - Output: (utterances, channels, frames)
    """

    def __init__(self, channels: int, speaker: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, channels, 1)
        self.enc = WaveNet(channels, FLOW_LAYERS, speaker)
        self.post = nn.Conv1d(channels, channels // 2, 1)

    def forward(self, hidden: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
        """Invert the coupling."""
        kept, shifted = hidden.chunk(2, dim=1)
        return torch.cat([kept, shifted - self.post(self.enc(self.pre(kept), speaker))], dim=1)


class Flow(nn.Module):
    """The inverse normalising flow, from the speaker-independent prior to the speaker's latent space.

    Args:
        channels: of the latent space.
        speaker: size of the speaker embedding.

    Shape:
        - Input: (utterances, channels, frames); speaker (utterances, speaker, 1)
        - Output: (utterances, channels, frames)
    """

    def __init__(self, channels: int, speaker: int) -> None:
        super().__init__()
        # Channels are reversed between the steps; the reversals have no weights, but indices in the checkpoint.
        parts = ((Coupling(channels, speaker), nn.Identity()) for _ in range(FLOWS))
        self.flows = nn.ModuleList(module for pair in parts for module in pair)

    def forward(self, hidden: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
        """Invert all couplings, the last one first."""
        for step in reversed(self.flows[::2]):
            hidden = step(hidden.flip(1), speaker)
        return hidden


class ResidualBlock(nn.Module):
    """HiFi-GAN's residual block: three pairs of convolutions, the first of each dilated.

    Args:
        channels: of inputs and outputs.
        size: of the filters.

    Shape:
        - Input: (utterances, channels, samples)
        - Output: (utterances, channels, samples)
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.convs1 = self._convolutions(channels, size, DILATIONS)
        self.convs2 = self._convolutions(channels, size, [1] * len(DILATIONS))

    @staticmethod
    def _convolutions(channels: int, size: int, dilations: Sequence[int]) -> nn.ModuleList:
        return nn.ModuleList(
            nn.Conv1d(channels, channels, size, dilation=dilation, padding=dilation * (size - 1) // 2)
            for dilation in dilations
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Add each pair's output to its input."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            hidden = hidden + plain(leaky_relu(dilated(leaky_relu(hidden, SLOPE)), SLOPE))
        return hidden


class Decoder(nn.Module):
    """HiFi-GAN's generator (Kong et al., 2020, arXiv:2010.05646), conditioned on a speaker embedding.

    Args:
        channels: of the latent space.
        decoder_channels: of the first convolution; each up-sampling halves them.
        speaker: size of the speaker embedding.

    Shape:
        - Input: latent frames (utterances, channels, frames); speaker (utterances, speaker, 1)
        - Output: waveforms in [-1, 1], (utterances, 320·frames)
    """

    def __init__(self, channels: int, decoder_channels: int, speaker: int) -> None:
        super().__init__()
        widths = [decoder_channels // 2**number for number in range(len(RATES) + 1)]
        self.conv_pre = nn.Conv1d(channels, decoder_channels, 7, padding=3)
        self.cond = nn.Conv1d(speaker, decoder_channels, 1)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(before, after, size, rate, padding=(size - rate) // 2)
            for before, after, rate, size in zip(widths, widths[1:], RATES, SIZES, strict=False)
        )
        self.resblocks = nn.ModuleList(ResidualBlock(width, size) for width in widths[1:] for size in BLOCKS)
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=False)

    def forward(self, hidden: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
        """Synthesise waveforms."""
        hidden = self.conv_pre(hidden) + self.cond(speaker)
        for number, up in enumerate(self.ups):
            hidden = up(leaky_relu(hidden, SLOPE))
            blocks = self.resblocks[number * len(BLOCKS) : (number + 1) * len(BLOCKS)]
            hidden = torch.stack([block(hidden) for block in blocks]).mean(0)
        # The last slope differs from the others in the published code, too.
        waveforms: torch.Tensor = self.conv_post(leaky_relu(hidden, 0.01)).tanh()[:, 0]
        return waveforms


class FreeVCNetwork(nn.Module):
    """Speech synthesis from content features and a speaker embedding.

    Args:
        features: of a frame of content.
        speaker: size of the speaker embedding.
        channels: of the latent space.
        layers: of the prior encoder.
        decoder_channels: of the decoder's first convolution.

    Shape:
        - Input: content (utterances, features, frames); speaker (utterances, speaker); noise (channels, frames) or
          (utterances, channels, frames)
        - Output: waveforms in [-1, 1], (utterances, 320·frames)
    """

    def __init__(self, *, features: int, speaker: int, channels: int, layers: int, decoder_channels: int) -> None:
        super().__init__()
        self.enc_p = PriorEncoder(features, channels, layers)
        self.flow = Flow(channels, speaker)
        self.dec = Decoder(channels, decoder_channels, speaker)

    def forward(self, content: torch.Tensor, speaker: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Synthesise waveforms.

        Args:
            content: features of the source utterances.
            speaker: embeddings of the target speaker.
            noise: of the prior, standard normal.
        """
        mean, deviation = self.enc_p(content)
        conditioning = speaker[..., None]
        speech: torch.Tensor = self.dec(self.flow(mean + noise * deviation.exp(), conditioning), conditioning)
        return speech
