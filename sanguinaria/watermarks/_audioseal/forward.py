"""Forward passes of AudioSeal's generator and detector, with or without level normalisation; differentiable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Hz of the published networks' training audio (section 4.1 of the paper).
SAMPLE_RATE = 16_000
# Level after normalisation: −26 dB of full scale, the usual level of recorded speech (ITU-T P.56's nominal level).
REFERENCE_LEVEL = 0.05
# The attribute of a generator whose mark is limited to a band.
BAND_PASS = "band_pass"


def generate_watermark(
    generator: Any, waveforms: torch.Tensor, messages: torch.Tensor, window: int = 0
) -> torch.Tensor:
    """Compute the watermark G(x), differentiably.

    With a window, G(x) becomes g·G(x / g), where g is the local level of x relative to the reference level: the mark
    follows the speech.

    Args:
        generator: the package's network, which computes in the precision of the caller's block.
        waveforms: x, (utterances, samples).
        messages: (utterances, bits) of 0 and 1.
        window: of the level normalisation, in samples; 0 for none.

    Returns:
        (utterances, samples), in float32, within the generator's band if it has one.
    """
    normalised, gain = normalise_level(waveforms, window)
    hidden = generator.msg_processor(generator.encoder.model(normalised[:, None]), messages)
    watermark: torch.Tensor = generator.decoder.model(hidden)
    return within_band(generator, watermark[:, 0, : waveforms.shape[-1]].float() * gain)


def within_band(generator: Any, watermark: torch.Tensor) -> torch.Tensor:
    """Pass the watermark (utterances, samples) through the generator's band-pass, if it has one."""
    band_pass = getattr(generator, BAND_PASS, None)
    return watermark if band_pass is None else band_pass(watermark)


def detector_logits(detector: Any, waveforms: torch.Tensor, window: int = 0) -> torch.Tensor:
    """Compute the detector's logits of every sample, differentiably.

    Args:
        detector: the package's network, likewise.
        waveforms: (utterances, samples).
        window: of the level normalisation, in samples; 0 for none.

    Returns:
        (utterances, 2 + bits, samples), in float32: the classes unmarked and marked, then the bits.
    """
    encoder, last = detector.detector
    hidden = encoder.reverse_convolution(encoder.model(normalise_level(waveforms, window)[0][:, None]))
    logits: torch.Tensor = last(hidden)
    return logits[..., : waveforms.shape[-1]].float()


def normalise_level(waveforms: torch.Tensor, window: int) -> tuple[torch.Tensor, torch.Tensor | float]:
    """Divide waveforms by their local level relative to the reference level.

    Args:
        waveforms: (utterances, samples).
        window: over which the level is measured, in samples; 0 for no normalisation.

    Returns:
        The normalised waveforms, and the gain that restores the original ones: (utterances, samples), or 1.
    """
    from sanguinaria.audio.levels import local_rms

    if not window:
        return waveforms, 1.0
    gain = local_rms(waveforms, window) / REFERENCE_LEVEL
    return waveforms / gain, gain
