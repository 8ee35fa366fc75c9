"""Reading marks: what a detector says of every utterance after distortions, with one key or with several.

What cannot be distorted or read is a row, too, which says why: it is counted, and neither left out nor scored 0.
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
from sanguinaria.distortions import Distortion
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import message_of
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch

# From this score on a detector says that a mark is there.
THRESHOLD = 0.5
COLUMNS = {
    "utterance_id": "str",
    "speaker": "str",
    "distortion": "int64",
    "reader": "int64",
    "score": "float64",
    "messages": "str",
    "decoded_message": "str",
    "problem": "str",
}


def read_marks(
    weights: Path,
    secrets: Sequence[str | None],
    distortions: Sequence[Distortion],
    shards: Sequence[Path],
    names: list[str],
    seed: int,
    marks: int,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per utterance, distortion and key: ``utterance_id, speaker, distortion, reader, score, messages,
    decoded_message, problem``.

    ``distortion`` and ``reader`` are the places of the distortion and of the key among those given; ``score`` is the
    detector's; ``messages`` are those that were embedded, one after another with a space between, ``decoded_message``
    is the one that is read, each as text of 0 and 1. Where there is a ``problem``, score and decoded message are
    missing.

    Args:
        weights: the detector's.
        secrets: keys to read with; ``None`` for a detector that has none.
        distortions: what happens to the audio before. What is random about each follows from the utterance's samples.
        shards: of the audio.
        names: the utterances that are read.
        seed: of the messages.
        marks: how many messages were embedded in each utterance, 0 to 2.
        destination: of the rows, sorted by ``utterance_id``, ``distortion`` and ``reader``.
        device: where distortion and detector compute.
    """
    watermark, state = load_weights(weights)
    markers: list[Marker] = []
    found = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for path in shards:
        for batch in utterances.read(path, ids=names):
            markers = markers or [watermark.load(state, batch.sample_rate, device, secret) for secret in secrets]
            messages = [
                " ".join(message_of(name, seed, mark + 1, watermark.message_bits) for mark in range(marks)).strip()
                for name in batch.rows["utterance_id"]
            ]
            for place, distortion in enumerate(distortions):
                rows = _rows(markers, distortion, batch, messages, device)
                found.append(rows.assign(distortion=place)[list(COLUMNS)])
    table = pd.concat(found).sort_values(["utterance_id", "distortion", "reader"], ignore_index=True)
    parquet.write(table, destination)


def _rows(
    markers: Sequence[Marker], distortion: Distortion, batch: Utterances, messages: list[str], device: torch.device
) -> pd.DataFrame:
    import torch

    with torch.inference_mode():
        audio = _distorted(distortion, batch, device)
        read = [_read(marker, audio) for marker in markers]
    rows = []
    for place, (name, speaker) in enumerate(zip(batch.rows["utterance_id"], batch.rows["speaker"], strict=True)):
        for reader, found in enumerate(read):
            score, decoded, problem = found[place]
            rows.append((name, speaker, reader, score, messages[place], decoded, problem))
    kinds = {column: kind for column, kind in COLUMNS.items() if column != "distortion"}
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def _distorted(distortion: Distortion, batch: Utterances, device: torch.device) -> list[torch.Tensor | str]:
    """Each utterance (1, samples') after the distortion, or why there is none."""
    import torch

    found: list[torch.Tensor | str] = []
    for waveform in batch.waveforms:
        row = torch.from_numpy(waveform[None]).to(device)
        try:
            changed = distortion.apply(row, batch.sample_rate, _random(waveform.tobytes()))
        except Exception as error:
            found.append(_reason("distortion", error))
        else:
            finite = bool(is_finite(changed).all()) and changed.shape[-1] > 0
            found.append(changed if finite else "distortion: no numbers")
    return found


def _random(samples: bytes) -> torch.Generator:
    """The random numbers of one utterance, whatever its batch and shard."""
    import torch

    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(samples).digest()[:8], "big", signed=True))


_Reading = tuple[float, str | None, str]


def _read(marker: Marker, audio: Sequence[torch.Tensor | str]) -> list[_Reading]:
    """Score, message and problem of each utterance; those of one length at once."""
    found: dict[int, _Reading] = {
        place: (float("nan"), None, problem) for place, problem in enumerate(audio) if isinstance(problem, str)
    }
    by_length: dict[int, dict[int, torch.Tensor]] = {}
    for place, waveform in enumerate(audio):
        if not isinstance(waveform, str):
            by_length.setdefault(waveform.shape[-1], {})[place] = waveform
    for waveforms in by_length.values():
        found |= dict(zip(waveforms, _decoded(marker, list(waveforms.values())), strict=True))
    return [found[place] for place in range(len(audio))]


def _decoded(marker: Marker, waveforms: list[torch.Tensor]) -> Iterator[_Reading]:
    """Of waveforms of one length; where a batch cannot be read, it is tried one by one."""
    import torch

    try:
        scores, bits = marker.detect(torch.cat(waveforms))
    except Exception as error:
        if len(waveforms) == 1:
            yield float("nan"), None, _reason("detector", error)
        else:
            for waveform in waveforms:
                yield from _decoded(marker, [waveform])
        return
    for score, row in zip(scores.cpu().double().tolist(), bits.cpu().tolist(), strict=True):
        if score == score and all(bit == bit for bit in row):
            yield score, "".join(str(int(bit >= 0.5)) for bit in row), ""
        else:
            yield float("nan"), None, "detector: no number"


def _reason(what: str, error: Exception) -> str:
    """The first line of an error, for a row; a full memory is no property of an utterance."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        raise error
    told = str(error).strip().splitlines()
    return f"{what}: {type(error).__name__}: {told[0] if told else ''}".rstrip(": ")
