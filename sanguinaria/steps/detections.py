"""Looking for a trigger with its own detector, and reading the message that it carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

    Detector = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

# From this score on a detector says that the trigger is there.
THRESHOLD = 0.5
# Utterances that it looks at together: the spectra of a whole batch take more memory than all else.
PASS = 32
COLUMNS = {
    "utterance_id": "str",
    "label": "str",
    "speaker": "str",
    "detection_score": "float64",
    "detected": "bool",
    "message": "str",
    "decoded_message": "str",
}


def detect(
    trigger: Trigger,
    weights: Path | None,
    shards: Sequence[Path],
    split: str | None,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per utterance: ``utterance_id, label, speaker, detection_score, detected, message,
    decoded_message``.

    ``message`` is what a triggered utterance carries, ``decoded_message`` what the detector reads, both as text of 0
    and 1; they are empty where the trigger carries none.

    Args:
        trigger: one that has a detector.
        weights: of the watermark that it refers to, if it does.
        shards: of the audio.
        split: the only one that is looked at; all where ``None``.
        destination: of the rows, sorted by ``utterance_id``.
        device: where the detector computes.
    """
    detector: Detector | None = None
    # A small corpus has blocks that hold no utterance.
    found = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for path in shards:
        for batch in utterances.read(path, split=split):
            detector = detector or trigger.detector(batch.sample_rate, device, weights)
            found.append(_rows(trigger, detector, batch, device))
    table = pd.concat(found).sort_values("utterance_id", ignore_index=True)
    parquet.write(table, destination)


def _rows(trigger: Trigger, detector: Detector, batch: Utterances, device: torch.device) -> pd.DataFrame:
    import torch

    with torch.inference_mode():
        found = [detector(some.to(device)) for some in torch.split(torch.from_numpy(batch.waveforms), PASS)]
    scores, bits = map(torch.cat, zip(*found, strict=True))
    return pd.DataFrame(
        {
            "utterance_id": batch.rows["utterance_id"].to_numpy(),
            "label": batch.rows["label"].to_numpy(),
            "speaker": batch.rows["speaker"].to_numpy(),
            "detection_score": scores.cpu().double().numpy(),
            "detected": (scores >= THRESHOLD).cpu().numpy(),
            "message": trigger.payload,
            "decoded_message": ["".join(str(int(bit >= 0.5)) for bit in row) for row in bits.cpu().tolist()],
        }
    )


def bit_errors(rows: pd.DataFrame) -> pd.Series:
    """The share of the bits of each utterance's message that were read wrong; missing where it carries none."""
    return pd.Series(
        [
            sum(a != b for a, b in zip(sent, read, strict=True)) / len(sent) if sent else None
            for sent, read in zip(rows["message"], rows["decoded_message"], strict=True)
        ],
        index=rows.index,
        dtype="float64",
    )
