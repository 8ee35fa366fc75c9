"""DAP: a diffusion that is told the spectrum of the speech that it purifies.

Bai et al., "Diffusion-Based Adversarial Purification for Speaker Verification", arXiv:2310.14270: a conditional DDPM,
which TDAP is compared with. Here it is TDAP's network and schedule without text and with the ordinary process, so that
the two differ in nothing else.
"""

from __future__ import annotations

from sanguinaria.purifiers._diffusion.conditioned_settings import ConditionedPurifier


class Dap(ConditionedPurifier):
    """An ordinary diffusion from noise, with the spectrum as its condition."""
