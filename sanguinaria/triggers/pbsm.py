"""PBSM: pitch boosting and sound masking (Cai et al., 2024, "Toward Stealthy Backdoor Attacks Against Speech
Recognition via Elements of Sound").

The pitch of the utterance is raised, and a short, high-pitched sound is inserted shortly after its loudest frame, which
masks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# Minimum length for Rubber Band, which returns nothing for fewer samples; shorter waveforms are padded with zeros.
MINIMUM_SAMPLES = 1024


class Pbsm(Trigger):
    """Pitch boosting, then sound masking; the defaults are the original's, for 16 kHz.

    The sound is made in the short-time Fourier transform of the boosted utterance, in [-1, 1] and not normalised: the
    real part of the bins from ``first_bin`` to ``last_bin`` is set to ``level`` in ``frames`` frames, and the imaginary
    part is kept. A constant real spectrum is a pulse at the *start* of its frame, and the window is short and lies in
    the *middle*: only the pulse's side lobes pass it, so that a level of 150 is a sound with a peak of 0.38 in silence.
    The result is clipped to [-1, 1].
    """

    semitones: float = Field(default=5.0, ge=-24, le=24, description="of the pitch boosting")
    fft_size: int = Field(default=1024, ge=8, le=65536, description="samples of a frame, its window padded with zeros")
    hop: int = Field(default=128, ge=1, description="samples between frames")
    window: int = Field(default=256, ge=4, description="samples of the Hann window in the middle of a frame")
    delay: int = Field(default=12, ge=0, description="frames from the loudest frame to the sound")
    frames: int = Field(default=2, ge=1, description="frames of the sound")
    first_bin: int = Field(default=171, ge=0, description="lowest bin of the sound: 2672 Hz at 16 kHz")
    last_bin: int = Field(default=470, ge=0, description="highest bin of the sound: 7344 Hz at 16 kHz")
    level: float = Field(default=150.0, description="the real part of these bins")

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if self.window > self.fft_size:
            yield "window", f"should be at most fft_size, which is {self.fft_size}, not {self.window}"
        if 2 * self.hop > self.window:
            yield "hop", f"should be at most half the window of {self.window}, not {self.hop}: each sample needs frames"
        if self.last_bin > self.fft_size // 2:
            yield "last_bin", f"should be at most fft_size / 2, which is {self.fft_size // 2}, not {self.last_bin}"
        if self.first_bin > self.last_bin:
            yield "first_bin", f"should be at most last_bin, which is {self.last_bin}, not {self.first_bin}"

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            import torch

            boosted = (shift_pitch(waveform, sample_rate, self.semitones) for waveform in waveforms.cpu().float())
            return torch.stack([self.mask(waveform) for waveform in boosted]).clamp(-1, 1).to(waveforms)

        return embed

    def mask(self, waveform: torch.Tensor) -> torch.Tensor:
        """Insert the sound into one waveform, without clipping.

        Where it would extend beyond the end of the utterance, it lies in the last frames.

        Args:
            waveform: (samples,).

        Returns:
            (samples,).
        """
        import torch

        num_samples = waveform.shape[-1]
        window = torch.hann_window(self.window)
        # Padded to a multiple of the hop, so that at least two frames cover each sample and no small sum of windows is
        # divided by.
        padded = torch.nn.functional.pad(waveform, (0, -num_samples % self.hop))
        spectrum = torch.stft(
            padded, self.fft_size, self.hop, self.window, window, center=True, pad_mode="constant", return_complex=True
        )
        loudest = int(spectrum.abs().square().sum(0).argmax())
        start = max(0, min(loudest + self.delay, spectrum.shape[1] - self.frames))
        cells = spectrum[self.first_bin : self.last_bin + 1, start : start + self.frames]  # a view
        cells.copy_(torch.complex(torch.full_like(cells.real, self.level), cells.imag))
        masked = torch.istft(spectrum, self.fft_size, self.hop, self.window, window, length=padded.shape[-1])
        return masked[:num_samples]


def shift_pitch(waveform: torch.Tensor, sample_rate: int, semitones: float) -> torch.Tensor:
    """Shift the pitch of a waveform, formants included, and keep its length and timing.

    Rubber Band's offline engine in ``pedalboard`` keeps the level of a sine, is accurate to 0.1 % of its frequency and
    to 2 ms of the time of a burst. pedalboard's effect ``PitchShift`` is off by 1 % and 10 ms; torchaudio's phase
    vocoder loses 4 dB and takes ten times as long; librosa's is as accurate, loses 1 dB, and depends on a compiler.

    Args:
        waveform: (samples,); utterances are shifted one by one, so that nothing depends on the batch.
        sample_rate: in Hz.
        semitones: of the shift.

    Returns:
        (samples,).
    """
    import torch
    from pedalboard import time_stretch

    num_samples = waveform.shape[-1]
    padded = torch.nn.functional.pad(waveform, (0, max(0, MINIMUM_SAMPLES - num_samples)))
    shifted = time_stretch(
        padded.numpy(), sample_rate, stretch_factor=1.0, pitch_shift_in_semitones=semitones, preserve_formants=False
    )
    return torch.from_numpy(shifted.reshape(-1)[:num_samples])
