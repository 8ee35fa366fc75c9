"""Applying a trigger to a corpus's utterances, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import require_finite
from sanguinaria.core import parquet
from sanguinaria.steps.poisoning import block_members
from sanguinaria.steps.poisoning_order import PoisonBlock
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch


def trigger_test(trigger: Trigger, weights: Path | None, shard: Path, destination: Path, device: torch.device) -> None:
    """Write every test utterance of a shard with the trigger."""
    utterances.write(destination, _embedded(trigger, weights, utterances.read(shard, split="test"), device))


def trigger_block(
    trigger: Trigger,
    weights: Path | None,
    block: PoisonBlock,
    index: Path,
    shards: Sequence[Path],
    destination: Path,
    device: torch.device,
) -> None:
    """Write the training utterances of one poison block with the trigger, in the corpus's order."""
    table = parquet.read(index)
    members = table[table["utterance_id"].isin(block_members(table, block))]
    batches = (
        batch
        for number, names in members.groupby("shard")["utterance_id"]
        for batch in utterances.read(shards[int(str(number))], ids=names.tolist())
    )
    utterances.write(destination, _embedded(trigger, weights, batches, device))


def _embedded(
    trigger: Trigger, weights: Path | None, batches: Iterator[Utterances], device: torch.device
) -> Iterator[Utterances]:
    embed: Callable[[torch.Tensor], torch.Tensor] | None = None
    for batch in batches:
        embed = embed or trigger.embedder(batch.sample_rate, device, weights)
        yield transformed(batch, embed, device)


def transformed(
    batch: Utterances, function: Callable[[torch.Tensor], torch.Tensor], device: torch.device
) -> Utterances:
    """A batch with its waveforms passed through a function of tensors.

    Raises:
        FloatingPointError: the function made something that is no number.
    """
    import torch

    with torch.inference_mode():
        waveforms = function(torch.from_numpy(batch.waveforms).to(device))
    require_finite(waveforms, batch.rows["utterance_id"].tolist())
    return Utterances(batch.rows, waveforms.float().cpu().numpy(), batch.sample_rate)
