"""Log-mel spectrograms: computed once for each shard of audio, and read by every model that wants the same settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.victims import LogMel

if TYPE_CHECKING:
    import torch

    from sanguinaria.examples import Spectrograms

# Added to the mel energies before the logarithm: −60 dB below a full-scale bin, under the noise of 16-bit speech.
FLOOR = 1e-6
# Audio that a CPU transforms at once: the spectra of more fall out of its cache, and take four times as long
# (benchmarks/features.py).
CACHED_SECONDS = 8


def log_mel(settings: LogMel, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from waveforms (utterances, samples) to natural-log mel energies (utterances, bands, frames).

    The frame count is 1 + samples // hop: frames are centred, and the ends are padded with zeros.
    """
    import torch

    from sanguinaria import compatibility

    compatibility.prepare()
    from torchaudio.functional import melscale_fbanks

    # A window shorter than the transform is centred in it, as torch.stft does.
    before = (settings.fft - settings.window) // 2
    after = settings.fft - settings.window - before
    window = torch.nn.functional.pad(torch.hann_window(settings.window), (before, after)).to(device)
    filters = melscale_fbanks(settings.fft // 2 + 1, 0.0, sample_rate / 2, settings.bands, sample_rate).to(device)
    half = settings.fft // 2

    def spectrograms(waveforms: torch.Tensor) -> torch.Tensor:
        frames = torch.nn.functional.pad(waveforms, (half, half)).unfold(1, settings.fft, settings.hop)
        spectrum = torch.fft.rfft(frames * window)  # (utterances, frames, bins)
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        return torch.log((power @ filters).add_(FLOOR)).transpose(1, 2)

    def transform(waveforms: torch.Tensor) -> torch.Tensor:
        few = max(1, CACHED_SECONDS * sample_rate // waveforms.shape[-1]) if device.type == "cpu" else len(waveforms)
        return torch.cat([spectrograms(some) for some in torch.split(waveforms, few)])

    return transform


def extract(audio: Path, settings: LogMel, destination: Path, device: torch.device) -> None:
    """Write the log-mel spectrograms of a shard, half precision, with the utterances' names in its order."""
    import torch

    from sanguinaria import tensors, utterances

    names: list[str] = []
    parts: list[torch.Tensor] = []
    transform = None
    for batch in utterances.read(audio):
        transform = transform or log_mel(settings, batch.sample_rate, device)
        names += batch.rows["utterance_id"].tolist()
        parts.append(transform(torch.from_numpy(batch.waveforms).to(device)).half().cpu())
    tensor = torch.cat(parts) if parts else torch.empty(0, settings.bands, 0, dtype=torch.float16)
    tensors.save({"log_mel": tensor}, {"utterance_ids": names}, destination)


def load(files: Sequence[Path]) -> tuple[list[str], Spectrograms]:
    """Names and spectrograms of several shards, in their order; the spectrograms are read when they are asked for.

    Raises:
        sanguinaria.errors.DamagedError: a file was cut or altered since it was written.
    """
    from sanguinaria import tensors
    from sanguinaria.examples import Spectrograms

    names: list[str] = []
    parts = []
    for path in files:
        _, description = tensors.load(path, "features")
        names += description["utterance_ids"]
        parts.append(tensors.Rows(path, "log_mel"))
    return names, Spectrograms(parts)
