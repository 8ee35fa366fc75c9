"""Application of a function of tensors to a batch of utterances."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import require_finite

if TYPE_CHECKING:
    import torch


def transform_batch(
    batch: Utterances, function: Callable[[torch.Tensor], torch.Tensor], device: torch.device
) -> Utterances:
    """Return a batch whose waveforms were passed through a function, without gradients.

    Args:
        batch: of utterances.
        function: from waveforms (utterances, samples) to waveforms (utterances, samples).
        device: that the waveforms are moved to.

    Raises:
        FloatingPointError: the function returned values that are not finite.
    """
    import torch

    with torch.inference_mode():
        waveforms = function(torch.from_numpy(batch.waveforms).to(device))
    require_finite(waveforms, batch.rows["utterance_id"].tolist())
    return Utterances(batch.rows, waveforms.float().cpu().numpy(), batch.sample_rate)
