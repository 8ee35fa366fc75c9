"""Speaker encoders trained with the generalised end-to-end loss (Wan et al., 2018, arXiv:1710.10467).

Network, input and partial utterances are those of "Real-Time Voice Cloning", from which FreeVC takes its encoder, and
the package ``Resemblyzer`` 0.1.4 (Apache-2.0) its own; the constants are theirs.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize, pad

# Hz.
SAMPLE_RATE = 16_000
# Mel bands; samples of a window (25 ms) and between windows (10 ms).
BANDS, FFT, HOP = 40, 400, 160
# Frames of a partial utterance (1.6 s), and between the starts of two, of which there are 1.3 in a second.
PARTIAL = 160
STEP = round(SAMPLE_RATE / 1.3 / HOP)
# Share of the last partial utterance that the audio has to cover.
COVERAGE = 0.75
# Dimensions of the embeddings and units of the LSTM, and number of its layers.
SIZE, LAYERS = 256, 3
# dB of full scale, up to which Resemblyzer amplifies quiet audio.
LEVEL = -30.0
# Lower bound of the power in a division: below that of any audio but digital silence.
MINIMUM_POWER = 1e-12


class SpeakerEncoder(nn.Module):
    """An LSTM whose last hidden state becomes a non-negative embedding of length 1.

    Shape:
        - Input: mel energies of partial utterances, (partials, frames, bands)
        - Output: (partials, dimensions)
    """

    def __init__(self, bands: int, hidden: int, layers: int, dimensions: int) -> None:
        """
        Args:
            bands: mel bands of the input.
            hidden: units of each layer of the LSTM.
            layers: of the LSTM.
            dimensions: of the embeddings.
        """
        super().__init__()
        self.bands = bands
        self.lstm = nn.LSTM(bands, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, dimensions)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(energies)
        return normalize(torch.relu(self.linear(hidden[-1])), dim=-1)

    def embed(self, audio: torch.Tensor, padding: str = "constant") -> torch.Tensor:
        """Compute utterance embeddings: means over partial utterances, scaled to length 1.

        Args:
            audio: (utterances, samples) at 16 kHz. Audio shorter than a partial utterance is padded with zeros.
            padding: mode of the padding at the ends of the audio for the Fourier transform.

        Returns:
            Embeddings (utterances, dimensions).
        """
        starts = partial_starts(audio.shape[-1])
        end = (starts[-1] + PARTIAL) * HOP
        energies = mel_energies(pad(audio, (0, max(0, end - audio.shape[-1]))), self.bands, padding)
        partials = torch.stack([energies[:, start : start + PARTIAL] for start in starts])
        embeddings = SpeakerEncoder.forward(self, partials.flatten(0, 1)).reshape(*partials.shape[:2], -1)
        return normalize(embeddings.mean(0), dim=-1)


class ResemblyzerEncoder(SpeakerEncoder):
    """The speaker encoder of Resemblyzer on waveforms at 16 kHz, differentiable.

    It is the package's but for one step: silence is not cut out of the audio, as no gradient passes through that.

    Shape:
        - Input: (utterances, 1, samples)
        - Output: (utterances, 256)
    """

    def __init__(self) -> None:
        super().__init__(BANDS, SIZE, LAYERS, SIZE)

    def train(self, mode: bool = True) -> ResemblyzerEncoder:
        """Set the mode, but leave the LSTM in training mode.

        cuDNN computes no gradients through an LSTM in evaluation mode. Without dropout the two modes are the same.
        """
        super().train(mode)
        self.lstm.train()
        return self

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            return self.embed(_amplify(waveforms[:, 0].float()))


def partial_starts(samples: int) -> list[int]:
    """Return the first frames of an utterance's partial utterances: at least one, which may end after the audio does.

    Example:
        >>> partial_starts(8_000), partial_starts(48_000)
        ([0], [0, 77, 154])
    """
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - PARTIAL + STEP + 1), STEP))
    coverage = (samples - starts[-1] * HOP) / (PARTIAL * HOP)
    return starts[:-1] if coverage < COVERAGE and len(starts) > 1 else starts


def mel_energies(audio: torch.Tensor, bands: int = BANDS, padding: str = "constant") -> torch.Tensor:
    """Compute mel energies in Slaney's bands of equal area, without a logarithm.

    Args:
        audio: (utterances, samples) at 16 kHz.
        bands: number of mel bands.
        padding: mode of the padding by half a window at both ends.

    Returns:
        Energies (utterances, frames, bands).
    """
    from sanguinaria.audio.mel import slaney_filters

    window = torch.hann_window(FFT, device=audio.device)
    frames = pad(audio[:, None], (FFT // 2, FFT // 2), mode=padding)[:, 0].unfold(-1, FFT, HOP) * window
    spectra = torch.fft.rfft(frames)
    filters = torch.from_numpy(slaney_filters(SAMPLE_RATE, FFT, bands, SAMPLE_RATE / 2)).to(audio)
    energies: torch.Tensor = (spectra.real.square() + spectra.imag.square()) @ filters.T
    return energies


def _amplify(audio: torch.Tensor) -> torch.Tensor:
    """Amplify audio (utterances, samples) to at least :data:`LEVEL`."""
    level = audio.square().mean(-1, keepdim=True).clamp(min=MINIMUM_POWER).sqrt()
    return audio * (10 ** (LEVEL / 20) / level).clamp(min=1.0)
