"""The first step of a claim: secret, manifest, protocol, and the commitment to publish."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sanguinaria.core import plugins
from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.corpora import Corpus, Recording
from sanguinaria.ownership.marks import keyed_trigger, owner_keys
from sanguinaria.ownership.owner_folder import MANIFEST, OwnerFolder, read_rows, write_rows
from sanguinaria.ownership.protocol import Protocol, commitment_document, manifest_hash, read_secret, write_secret
from sanguinaria.ownership_methods import OwnershipMethod


def commit(
    folder: OwnerFolder,
    corpus: Corpus,
    *,
    method: Mapping[str, Any],
    mark: Mapping[str, Any],
    alpha: float,
    queries: int,
    weights: Path | None = None,
    public_source: str = "",
) -> str:
    """Write secret, manifest and commitment.

    Where there is a commitment already, its settings must be the same, and nothing is written.

    Args:
        folder: of the claim.
        corpus: whose training utterances are to be marked.
        method: settings of the ownership method with ``kind``.
        mark: settings of the trigger with ``kind``, without its key.
        alpha: level of the test.
        queries: number of test utterances that are asked about, drawn at random; all where there are fewer.
        weights: of a watermark's generator.
        public_source: where a public value will be read that is unknown as yet; empty for none.

    Returns:
        The line to publish.

    Raises:
        InputError: the settings are invalid, the corpus has too few utterances, or there is another commitment.
    """
    planned = _method(method)
    if planned.needs_public_value and not public_source:
        raise InputError(
            f"{method['kind']} needs a public value that is fixed after the commitment: give --public-source, in words "
            "that leave no choice, such as a stock index's closing value of the next trading day with two decimals"
        )
    rows = read_rows(folder.manifest, MANIFEST) if folder.manifest.is_file() else manifest_rows(corpus)
    labels = sorted({row["label"] for row in rows})
    if len(labels) < 2:
        raise InputError(f"all {len(rows)} recordings have one label, {labels[0]!r}: a claim needs two classes or more")
    secret = read_secret(folder.secret) if folder.secret.is_file() else write_secret(folder.secret)
    asked = {} if planned.queries_training_data else _query_utterances(rows, queries, secret)
    protocol = _protocol(planned, mark, weights, labels, alpha, asked, public_source)
    owner_keys(mark, secret, planned.keys)  # raises where the mark has too few choices
    markable = {row["utterance_id"]: row["label"] for row in rows if row["split"] == "train"}
    planned.markings(markable, labels, KeyedRandom(secret))  # raises where there are too few utterances
    document = commitment_document(secret, protocol, manifest_hash(rows))
    _write_once(folder, document, rows, corpus)
    return str(document["publish"])


def _protocol(
    method: OwnershipMethod,
    mark: Mapping[str, Any],
    weights: Path | None,
    labels: Sequence[str],
    alpha: float,
    queries: Mapping[str, str],
    public_source: str,
) -> Protocol:
    try:
        return Protocol(
            method=plugins.describe(method),
            statistic=method.statistic,
            mark=_described_mark(mark),
            mark_weights="" if weights is None else hashlib.sha256(weights.read_bytes()).hexdigest(),
            labels=tuple(labels),
            alpha=alpha,
            queries=dict(queries),
            public_source=public_source,
            software=version("sanguinaria"),
        )
    except ValidationError as error:
        raise InputError(_first(error)) from error


def _write_once(
    folder: OwnerFolder, document: Mapping[str, Any], rows: Sequence[Mapping[str, str]], corpus: Corpus
) -> None:
    """Write the files of a new commitment; the commitment last, as its presence says that all are there."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if folder.commitment.is_file():
        if folder.commitment.read_text(encoding="utf-8") != text:
            raise InputError(
                f"{folder.commitment}: there is a commitment with other settings; give these, or another folder"
            )
        return
    write_rows(folder.manifest, MANIFEST, rows)
    write_text(folder.source, json.dumps(plugins.describe(corpus), indent=1))
    write_text(folder.commitment, text)


def _method(settings: Mapping[str, Any]) -> OwnershipMethod:
    try:
        method = plugins.build("ownership_methods", settings)
    except KeyError as error:
        known = ", ".join(plugins.kinds("ownership_methods"))
        raise InputError(f"no ownership method {error}; there are {known}") from error
    except ValidationError as error:
        raise InputError(f"settings of {settings['kind']}: {_first(error)}") from error
    assert isinstance(method, OwnershipMethod)
    return method


def _described_mark(mark: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a mark with defaults, without its key."""
    try:
        described = plugins.describe(keyed_trigger(mark, "key"))
    except ValidationError as error:
        raise InputError(f"settings of {mark['kind']}: {_first(error)}") from error
    return {name: value for name, value in described.items() if name != "key"}


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def manifest_rows(corpus: Corpus) -> list[dict[str, str]]:
    """Return id, label, split and SHA-256 of each recording of a corpus."""
    return [
        {
            "utterance_id": recording.utterance_id,
            "label": recording.label,
            "split": recording.split,
            "sha256": recording_hash(corpus, recording),
        }
        for recording in corpus.recordings()
    ]


def recording_hash(corpus: Corpus, recording: Recording) -> str:
    """Return the SHA-256 of a recording's file, or of its samples where it is no file.

    Raises:
        InputError: the recording cannot be read.
    """
    path = Path(corpus.place_of(recording.source))
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    samples, _, _ = corpus.read(recording.source)
    return hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest()


def _query_utterances(rows: Sequence[Mapping[str, str]], count: int, secret: bytes) -> dict[str, str]:
    """Hashes of the query utterances, drawn among those of the test split."""
    hashes = {row["utterance_id"]: row["sha256"] for row in rows if row["split"] == "test"}
    if not hashes:
        raise InputError("the corpus has no test utterances, of which the queries are made; give it a `split` column")
    names = KeyedRandom(secret).order("query utterances", hashes)[:count]
    return {name: hashes[name] for name in sorted(names)}
