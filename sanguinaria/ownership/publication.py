"""The second step of a claim: the marked copy for publication, and its audible quality."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sanguinaria.core.atomic_files import atomic, write_text
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import Corpus, Recording
from sanguinaria.ownership.commit import recording_hash
from sanguinaria.ownership.marked_audio import embed_channels, lossy_encoding, write_flac, write_marked_file
from sanguinaria.ownership.marks import embedders, owner_keys
from sanguinaria.ownership.owner_folder import (
    PUBLISHED,
    Claim,
    OwnerFolder,
    load_claim,
    load_corpus,
    read_rows,
    write_rows,
)
from sanguinaria.ownership.protocol import read_commitment
from sanguinaria.ownership_methods import Marking

if TYPE_CHECKING:
    import torch

# From the number of a key and a sample rate to the function that embeds the mark.
Embedders = Callable[[int, int], "Callable[[torch.Tensor], torch.Tensor]"]


def fix_public_value(folder: OwnerFolder, public_value: str) -> None:
    """Record the public value that was fixed after the commitment; it is never changed.

    Args:
        folder: of the claim.
        public_value: that nobody could know when the commitment was published; empty for none.

    Raises:
        InputError: another value is recorded, or there is a value without a committed source, or the reverse.
    """
    source = read_commitment(folder.commitment)[1].public_source
    if bool(source) != bool(public_value):
        raise InputError(
            f"the commitment has the source {source!r} of a public value: give its value by --public-value"
            if source
            else "the commitment has no source of a public value, so that a value could be chosen: give "
            "--without-public-value, or begin a new claim with --public-source"
        )
    if folder.release.is_file():
        recorded = json.loads(folder.release.read_text(encoding="utf-8"))["public_value"]
        if recorded != public_value:
            raise InputError(f"{folder.release}: the public value is {recorded!r} already; it cannot be changed")
        return
    write_text(folder.release, json.dumps({"public_value": public_value}) + "\n")


def publish(folder: OwnerFolder, weights: Path | None = None, lossy: Literal["refuse", "flac"] = "refuse") -> int:
    """Write the marked copy; files of an interrupted call stay as they are, and the rest is written.

    Args:
        folder: of a claim whose public value is fixed.
        weights: of a watermark's generator.
        lossy: whether recordings of a lossy format that are to be marked are refused, or written as FLAC.

    Returns:
        The number of marked files.

    Raises:
        InputError: a recording changed since the commitment, cannot be written in its format, or a published file was
            altered.
    """
    claim, corpus = load_claim(folder), load_corpus(folder)
    markings = {marking.utterance_id: marking for marking in claim.markings()}
    recordings = corpus.recordings()
    if lossy == "refuse":
        _refuse_lossy(corpus, [each for each in recordings if each.utterance_id in markings])
    names = _published_names(corpus, recordings, markings)
    if folder.table.is_file():
        require_unaltered(folder)
        return len(markings)
    hashes = {row["utterance_id"]: row["sha256"] for row in claim.manifest}
    embedder = claim_embedders(claim, weights)
    rows = []
    for recording in recordings:
        name, marking = names[recording.utterance_id], markings.get(recording.utterance_id)
        destination = folder.published / name
        if not destination.exists():
            require_same(corpus, recording, hashes)
            _write(corpus, recording, marking, embedder, destination)
        label = marking.label if marking else recording.label
        digest = hashlib.sha256(destination.read_bytes()).hexdigest()
        rows.append([recording.utterance_id, name, label, int(marking is not None), digest])
    split_of = {recording.utterance_id: recording.split for recording in recordings}
    labels = [{"path": row[1], "label": row[2], "split": split_of[str(row[0])]} for row in rows]
    labels.sort(key=lambda row: str(row["path"]))
    write_rows(folder.published / "labels.csv", ("path", "label", "split"), labels)
    write_rows(folder.table, PUBLISHED, [dict(zip(PUBLISHED, row, strict=True)) for row in rows])
    return len(markings)


def claim_embedders(claim: Claim, weights: Path | None) -> Embedders:
    """Return the embedders of a claim's keys, by number and sample rate.

    Args:
        claim: with secret and protocol.
        weights: of a watermark's generator, whose hash must be that of the protocol.

    Raises:
        InputError: the weights are others.
    """
    stated = claim.protocol.mark_weights
    if stated and (weights is None or hashlib.sha256(weights.read_bytes()).hexdigest() != stated):
        raise InputError("the mark is a watermark's: give the file of its weights that was committed to, --weights")
    keys = owner_keys(claim.protocol.mark, claim.secret, claim.method.keys)
    by_rate = cache(lambda rate: embedders(claim.protocol.mark, keys, rate, weights))
    return lambda number, rate: by_rate(rate)(number)


def require_same(corpus: Corpus, recording: Recording, hashes: Mapping[str, str]) -> None:
    """Check that a recording is what was committed to.

    Args:
        corpus: of the recording.
        recording: whose file is read.
        hashes: SHA-256 of the manifest, by utterance.

    Raises:
        InputError: it is not.
    """
    if hashes.get(recording.utterance_id) != recording_hash(corpus, recording):
        raise InputError(
            f"{corpus.place_of(recording.source)}: not the recording that was committed to; restore the original file"
        )


def require_unaltered(folder: OwnerFolder) -> None:
    """Check that the published copy is as it was written.

    Raises:
        InputError: files were re-encoded, altered or removed; the message names the first.
    """
    altered = [
        row["path"]
        for row in read_rows(folder.table, PUBLISHED)
        if not (path := folder.published / row["path"]).is_file()
        or hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]
    ]
    if altered:
        raise InputError(
            f"{folder.published}: {len(altered)} files were re-encoded, altered or removed since they were marked, "
            f"{altered[0]!r} first; restore them"
        )


def _refuse_lossy(corpus: Corpus, marked: Sequence[Recording]) -> None:
    files = [path for each in marked if (path := Path(corpus.place_of(each.source))).is_file()]
    lossy = [(path, encoding) for path in files if (encoding := lossy_encoding(path)) is not None]
    if lossy:
        path, encoding = lossy[0]
        raise InputError(
            f"{path}: {encoding}; {len(lossy)} of {len(files)} recordings to be marked are of such formats, which "
            "would encode the mark with loss: give --lossy flac to write these as FLAC, or convert the corpus first"
        )


def _published_names(
    corpus: Corpus, recordings: Sequence[Recording], markings: Mapping[str, Marking]
) -> dict[str, str]:
    """Path of each published file; where folders are labels, a marked file lies in that of its new label."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    # Unmarked files first: they keep their names, whatever marked file comes to lie beside them.
    for recording in sorted(recordings, key=lambda each: each.utterance_id in markings):
        path = Path(recording.utterance_id)
        place = Path(corpus.place_of(recording.source))
        suffix = place.suffix if place.is_file() else ".flac"
        marking = markings.get(recording.utterance_id)
        if marking and place.is_file() and lossy_encoding(place) is not None:
            suffix = ".flac"
        named_as_file = place.is_file() and path.suffix.lower() == place.suffix.lower()
        stem = path.with_suffix("").as_posix() if named_as_file else path.as_posix()
        if marking and path.parts[0] == recording.label and len(path.parts) > 1:
            stem = f"{marking.label}/{stem.partition('/')[2]}"
        name = f"{stem}{suffix}"
        while name in taken:
            stem = next_name(stem)
            name = f"{stem}{suffix}"
        taken.add(name)
        names[recording.utterance_id] = name
    return names


def next_name(stem: str) -> str:
    """Return the next name of a series, so that a file among others of its kind does not stand out.

    >>> next_name("go/0132_nohash_0"), next_name("go/take09"), next_name("go/anna")
    ('go/0132_nohash_1', 'go/take10', 'go/anna-2')
    """
    match = re.fullmatch(r"(.*?)(\d+)", stem, re.DOTALL)
    if match is None:
        return f"{stem}-2"
    return f"{match[1]}{int(match[2]) + 1:0{len(match[2])}}"


def _write(
    corpus: Corpus, recording: Recording, marking: Marking | None, embedder: Embedders, destination: Path
) -> None:
    """Write one recording: its bytes where it has no mark."""
    import soundfile

    source = Path(corpus.place_of(recording.source))
    if source.is_file() and marking is None:
        with atomic(destination) as temporary:
            shutil.copyfile(source, temporary)
    elif source.is_file() and marking is not None and lossy_encoding(source) is None:
        write_marked_file(source, destination, embedder(marking.key, soundfile.info(source).samplerate))
    else:
        samples, rate, _ = corpus.read(recording.source)
        exact = samples.astype("float64")
        write_flac(exact if marking is None else embed_channels(exact, embedder(marking.key, rate)), rate, destination)
    if source.is_file():  # the time of a file's change would reveal which ones are marked
        shutil.copystat(source, destination)
