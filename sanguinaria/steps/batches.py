"""Application of a function of tensors to a batch of utterances."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sanguinaria.audio.utterances import Utterances
from sanguinaria.core.plugin_promises import check_finite, check_range, check_waveforms
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


def transform_batch(
    batch: Utterances, function: Callable[[torch.Tensor], torch.Tensor], plugin: Plugin, device: torch.device
) -> Utterances:
    """Return a batch whose waveforms were passed through a plug-in's function, without gradients.

    Args:
        batch: of utterances.
        function: from waveforms (utterances, samples) to waveforms (utterances, samples).
        plugin: that the function belongs to, for messages.
        device: that the waveforms are moved to.

    Raises:
        InputError: the function returned another shape or type, or values that are not finite or far beyond full scale.
    """
    import torch

    given = torch.from_numpy(batch.waveforms).to(device)
    with torch.inference_mode():
        waveforms = function(given)
        check_waveforms(plugin, waveforms, given)
        check_finite(plugin, waveforms, batch.rows["utterance_id"].tolist())
        check_range(plugin, waveforms)
    return Utterances(batch.rows, waveforms.cpu().numpy(), batch.sample_rate)
