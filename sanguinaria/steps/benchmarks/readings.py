"""Detection of marks and decoding of messages after distortions, with one key or several.

An utterance that cannot be distorted or decoded has a row, too, with the reason: it is counted, and neither left out
nor scored 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import is_finite
from sanguinaria.core import parquet
from sanguinaria.core.plugin_promises import check_rows, check_waveforms
from sanguinaria.distortions import Distortion
from sanguinaria.steps.benchmarks.marked import sample_utterances
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import random_message
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch

# A mark is detected from this score on.
THRESHOLD = 0.5
COLUMNS = {
    "utterance_id": "str",
    "speaker": "str",
    "distortion": "int64",
    "key": "int64",
    "score": "float64",
    "messages": "str",
    "decoded_message": "str",
    "problem": "str",
}


def detect_marks(
    *,
    weights: Path,
    secrets: Sequence[str | None],
    distortions: Sequence[Distortion],
    shards: Sequence[Path],
    index: Path,
    split: str,
    limit: int | None,
    seed: int,
    marks: int,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per utterance, distortion and key: ``utterance_id, speaker, distortion, key, score, messages,
    decoded_message, problem``.

    ``distortion`` and ``key`` are indices into the arguments; ``score`` is the detection score; ``messages`` are the
    embedded messages, separated by a space, and ``decoded_message`` is the decoder's decision, each as text of 0 and 1.
    Where there is a ``problem``, score and decoded message are missing.

    Args:
        weights: of the detector.
        secrets: keys of the detector; ``None`` for a detector without keys.
        distortions: that are applied before detection. Their random numbers follow from the utterance's samples.
        shards: of the audio.
        index: of the corpus.
        split: of the sample of utterances (:func:`~sanguinaria.steps.benchmarks.marked.sample_utterances`).
        limit: of the sample.
        seed: of the messages.
        marks: number of messages in each utterance, 0 to 2.
        destination: file of the rows, sorted by ``utterance_id``, ``distortion`` and ``key``.
        device: of distortion and detector.
    """
    watermark, state = load_weights(weights)
    names = sample_utterances(index, split, limit)
    markers: list[Marker] = []
    tables = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for path in shards:
        for batch in utterances.read(path, ids=names):
            markers = markers or [watermark.load(state, batch.sample_rate, device, secret) for secret in secrets]
            messages = [
                " ".join(random_message(name, seed, mark + 1, watermark.message_bits) for mark in range(marks)).strip()
                for name in batch.rows["utterance_id"]
            ]
            for position, distortion in enumerate(distortions):
                rows = _rows(markers, distortion, batch, messages, device)
                tables.append(rows.assign(distortion=position)[list(COLUMNS)])
    table = pd.concat(tables).sort_values(["utterance_id", "distortion", "key"], ignore_index=True)
    parquet.write(table, destination)


def _rows(
    markers: Sequence[Marker], distortion: Distortion, batch: Utterances, messages: list[str], device: torch.device
) -> pd.DataFrame:
    """Rows of a batch after one distortion, without the column ``distortion``."""
    import torch

    with torch.inference_mode():
        audio = _distorted(distortion, batch, device)
        detections = [_detect(marker, audio) for marker in markers]
    rows = []
    for position, (name, speaker) in enumerate(zip(batch.rows["utterance_id"], batch.rows["speaker"], strict=True)):
        for key, of_key in enumerate(detections):
            score, decoded, problem = of_key[position]
            rows.append((name, speaker, key, score, messages[position], decoded, problem))
    dtypes = {column: dtype for column, dtype in COLUMNS.items() if column != "distortion"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def _distorted(distortion: Distortion, batch: Utterances, device: torch.device) -> list[torch.Tensor | str]:
    """Each utterance (1, samples') after the distortion, or the reason why it cannot be distorted."""
    import torch

    results: list[torch.Tensor | str] = []
    for waveform in batch.waveforms:
        row = torch.from_numpy(waveform[None]).to(device)
        try:
            distorted = distortion.apply(row, batch.sample_rate, _generator(waveform.tobytes()))
        except Exception as error:
            results.append(_reason("distortion", error))
        else:
            check_waveforms(distortion, distorted, row, same_length=False)
            finite = bool(is_finite(distorted).all()) and distorted.shape[-1] > 0
            results.append(distorted if finite else "distortion: not finite")
    return results


def _generator(samples: bytes) -> torch.Generator:
    """Random numbers of one utterance, independent of its batch and shard."""
    import torch

    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(samples).digest()[:8], "big", signed=True))


# Score, decoded message and problem of an utterance.
_Detection = tuple[float, str | None, str]


def _detect(marker: Marker, audio: Sequence[torch.Tensor | str]) -> list[_Detection]:
    """Score, message and problem of each utterance; utterances of equal length are one batch."""
    detections: dict[int, _Detection] = {
        position: (float("nan"), None, problem) for position, problem in enumerate(audio) if isinstance(problem, str)
    }
    by_length: dict[int, dict[int, torch.Tensor]] = {}
    for position, waveform in enumerate(audio):
        if not isinstance(waveform, str):
            by_length.setdefault(waveform.shape[-1], {})[position] = waveform
    for waveforms in by_length.values():
        detections |= dict(zip(waveforms, _detect_batch(marker, list(waveforms.values())), strict=True))
    return [detections[position] for position in range(len(audio))]


def _detect_batch(marker: Marker, waveforms: list[torch.Tensor]) -> Iterator[_Detection]:
    """Detections of waveforms of equal length; where the batch fails, each waveform is detected on its own."""
    import torch

    try:
        scores, bits = marker.detect(torch.cat(waveforms))
    except Exception as error:
        if len(waveforms) == 1:
            yield float("nan"), None, _reason("detector", error)
        else:
            for waveform in waveforms:
                yield from _detect_batch(marker, [waveform])
        return
    check_rows(marker, scores, (len(waveforms),), "scores (utterances,)")
    check_rows(marker, bits, (len(waveforms), None), "bits (utterances, bits)")
    for score, row in zip(scores.cpu().double().tolist(), bits.cpu().tolist(), strict=True):
        if score == score and all(bit == bit for bit in row):
            yield score, "".join(str(int(bit >= 0.5)) for bit in row), ""
        else:
            yield float("nan"), None, "detector: not finite"


def _reason(part: str, error: Exception) -> str:
    """First line of an error's message, for a row; out of memory is no property of an utterance and is raised."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        raise error
    lines = str(error).strip().splitlines()
    return f"{part}: {type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
