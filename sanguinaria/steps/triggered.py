"""Application of a trigger to test utterances, or to a block of training utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.steps.batches import transform_batch
from sanguinaria.steps.poisoning.blocks import PoisonBlock
from sanguinaria.steps.poisoning.ranking import block_members
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch


def trigger_test(
    trigger: Trigger, *, weights: Path | None, shard: Path, destination: Path, device: torch.device
) -> None:
    """Write the test utterances of a shard with a trigger.

    Args:
        trigger: that is embedded.
        weights: of its watermark, or its target speech; ``None`` for a trigger without either.
        shard: of the corpus.
        destination: file of the triggered audio.
        device: of the trigger's networks.

    Raises:
        InputError: the trigger returned another shape or type, or values that are not finite.
    """
    utterances.write(destination, _embedded(trigger, weights, utterances.read(shard, split="test"), device))


def trigger_block(
    trigger: Trigger,
    *,
    weights: Path | None,
    block: PoisonBlock,
    index: Path,
    shards: Sequence[Path],
    destination: Path,
    device: torch.device,
) -> None:
    """Write the training utterances of one block of the poisoning order with a trigger, in the corpus's order.

    Args:
        trigger: that is embedded.
        weights: of its watermark, or its target speech; ``None`` for a trigger without either.
        block: of the poisoning order.
        index: of the corpus.
        shards: all shards of the corpus.
        destination: file of the triggered audio.
        device: of the trigger's networks.

    Raises:
        InputError: the trigger returned another shape or type, or values that are not finite.
    """
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
        yield transform_batch(batch, embed, trigger, device)
