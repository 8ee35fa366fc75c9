"""Query audio: the query utterances without and with marks, under neutral names and in a random order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.marked_audio import embed_channels, write_flac
from sanguinaria.ownership.owner_folder import Claim, OwnerFolder, load_claim, load_corpus, read_rows, write_rows
from sanguinaria.ownership.publication import claim_embedders, require_same
from sanguinaria.ownership_methods import Query

COLUMNS = ("query", "sha256")


@dataclass(frozen=True)
class NamedQueries:
    """The queries of a claim with the names of their files.

    Attributes:
        queries: in the order of the method.
        names: of their files without suffix, in the same order.
    """

    queries: list[Query]
    names: list[str]


def named_queries(claim: Claim) -> NamedQueries:
    """Return the queries of a claim; the names, and so the order of the files, are random.

    Args:
        claim: whose secret and public value are known.
    """
    queries = claim.method.queries(claim.query_utterances(), claim.random)
    digits = len(str(len(queries)))
    order = claim.random.order("queries", [str(number) for number in range(len(queries))])
    names = {int(number): f"q{place:0{digits}}" for place, number in enumerate(order, 1)}
    return NamedQueries(queries, [names[number] for number in range(len(queries))])


def write_queries(folder: OwnerFolder, weights: Path | None = None) -> int:
    """Write the query audio as FLAC, and a table of the queries with the hashes of their files.

    Files of an interrupted call stay as they are.

    Args:
        folder: of a claim whose marked copy is written.
        weights: of a watermark's generator.

    Returns:
        The number of queries.

    Raises:
        InputError: a query utterance is not the one that was committed to.
    """
    claim, corpus = load_claim(folder), load_corpus(folder)
    recordings = {recording.utterance_id: recording for recording in corpus.recordings()}
    hashes = {row["utterance_id"]: row["sha256"] for row in claim.manifest}
    embedder = claim_embedders(claim, weights)

    @cache
    def audio(utterance_id: str) -> tuple[np.ndarray, int]:
        if utterance_id not in recordings:
            raise InputError(f"{utterance_id}: the corpus has no such recording any more; restore the original file")
        require_same(corpus, recordings[utterance_id], hashes)
        samples, rate, _ = corpus.read(recordings[utterance_id].source)
        return samples.astype("float64"), rate

    named = named_queries(claim)
    rows: list[dict[str, str]] = []
    for query, name in zip(named.queries, named.names, strict=True):
        path = folder.queries / f"{name}.flac"
        if not path.exists():
            samples, rate = audio(query.utterance_id)
            marked = samples if query.key is None else embed_channels(samples, embedder(query.key, rate))
            write_flac(marked, rate, path)
        rows.append({"query": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    rows.sort(key=lambda row: row["query"])
    write_rows(folder.queries / "queries.csv", COLUMNS, rows)
    return len(rows)


def query_files(folder: OwnerFolder) -> dict[str, Path]:
    """Return the file of each query, by name.

    Raises:
        InputError: there are none, or a file was altered.
    """
    if not (folder.queries / "queries.csv").is_file():
        raise InputError(f"{folder.queries}: no queries were written; run own queries first")
    files = {}
    for row in read_rows(folder.queries / "queries.csv", COLUMNS):
        path = folder.queries / f"{row['query']}.flac"
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
            raise InputError(f"{path}: altered or removed since it was written; delete it and run own queries again")
        files[row["query"]] = path
    return files
