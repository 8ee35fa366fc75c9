"""How far a mark stands out of what it is hidden in: a differentiable stand-in for masking.

The idea is AudioSeal's time-frequency loudness loss (arXiv:2401.17264, section 3.3): a mark is heard where it is strong
against the speech in the same band at the same time. Bands are mel bands; what lies in a neighbouring tile masks, too.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

FFT, HOP, BANDS = 512, 128, 40
# How far below the speech of a band a mark counts as masked, in dB.
MARGIN = 15.0
# Mel energy of what cannot be heard beside speech of a usual level.
QUIET = 1e-5


def audibility(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A function from marks and the speech they are hidden in, both (utterances, samples), to the mean over tiles of
    ln(1 + mark / mask): nearly nothing below the mask, and a logarithm above."""
    from sanguinaria.compatibility import prepare

    prepare()
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(FFT // 2 + 1, 0.0, sample_rate / 2, BANDS, sample_rate).to(device)
    window = torch.hann_window(FFT, device=device)

    def energies(waveforms: torch.Tensor) -> torch.Tensor:
        spectra = torch.stft(waveforms, FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        bands: torch.Tensor = spectra.abs().square().transpose(1, 2) @ filters
        return bands.transpose(1, 2)

    def measure(marks: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        nearby = torch.nn.functional.avg_pool2d(energies(speech)[:, None], 3, 1, 1)[:, 0]
        masks = nearby * 10 ** (-MARGIN / 10) + QUIET
        return torch.log1p(energies(marks) / masks).mean()

    return measure
