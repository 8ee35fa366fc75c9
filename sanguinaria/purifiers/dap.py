"""DAP: a diffusion conditioned on the spectrum of the speech that it purifies.

Bai et al., "Diffusion-Based Adversarial Purification for Speaker Verification", arXiv:2310.14270: a conditional DDPM,
which TDAP is compared with. Here it is TDAP's network and schedule without text and with the ordinary process, so that
the two differ in nothing else.
"""

from __future__ import annotations

from sanguinaria.purifiers._diffusion.spectrum_conditioned import SpectrumConditionedPurifier


class Dap(SpectrumConditionedPurifier):
    """An ordinary diffusion from noise, conditioned on the noisy speech's spectrum."""
