"""Detection of a trigger by its own detector, and decoding of its payload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.core.plugin_promises import check_rows
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

    Detector = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

# A trigger is detected from this score on.
THRESHOLD = 0.5
# Utterances in one pass of the detector: the spectra of a whole batch would need more memory than all else.
BATCH = 32
COLUMNS = {
    "utterance_id": "str",
    "label": "str",
    "speaker": "str",
    "detection_score": "float64",
    "detected": "bool",
    "message": "str",
    "decoded_message": "str",
}


def detect_trigger(
    trigger: Trigger,
    *,
    weights: Path | None,
    shards: Sequence[Path],
    split: str | None,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per utterance: ``utterance_id, label, speaker, detection_score, detected, message,
    decoded_message``.

    ``message`` is the payload of a triggered utterance, ``decoded_message`` the detector's decision, both as text of 0
    and 1; they are empty for a trigger without a payload.

    Args:
        trigger: one that has a detector.
        weights: of its watermark; ``None`` for a trigger without one.
        shards: of the audio.
        split: the only split that is passed through the detector; all where ``None``.
        destination: file of the rows, sorted by ``utterance_id``.
        device: of the detector.

    Raises:
        InputError: the detector returned another shape or type.
    """
    detector: Detector | None = None
    # A small corpus has blocks that hold no utterance.
    tables = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for path in shards:
        for batch in utterances.read(path, split=split):
            detector = detector or trigger.detector(batch.sample_rate, device, weights)
            tables.append(_detection_rows(trigger, detector, batch, device))
    parquet.write(pd.concat(tables).sort_values("utterance_id", ignore_index=True), destination)


def _detection_rows(trigger: Trigger, detector: Detector, batch: Utterances, device: torch.device) -> pd.DataFrame:
    import torch

    with torch.inference_mode():
        waveforms = torch.split(torch.from_numpy(batch.waveforms), BATCH)
        detections = [detector(chunk.to(device)) for chunk in waveforms]
    for chunk, (chunk_scores, chunk_bits) in zip(waveforms, detections, strict=True):
        check_rows(trigger, chunk_scores, (len(chunk),), "scores (utterances,)")
        check_rows(trigger, chunk_bits, (len(chunk), None), "bits (utterances, bits)")
    scores, bits = map(torch.cat, zip(*detections, strict=True))
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
