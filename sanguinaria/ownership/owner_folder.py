"""Files of a claim: those of the owner, the copy that is published, and the queries."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanguinaria.core import plugins
from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.corpora import Corpus
from sanguinaria.ownership.protocol import Protocol, manifest_hash, read_commitment, read_secret
from sanguinaria.ownership_methods import Marking, OwnershipMethod

MANIFEST = ("utterance_id", "label", "split", "sha256")
PUBLISHED = ("utterance_id", "path", "label", "marked", "sha256")


@dataclass(frozen=True)
class OwnerFolder:
    """Paths of a claim; all but ``published`` and ``queries`` stay with the owner."""

    root: Path

    @property
    def secret(self) -> Path:
        """The secret; readable by its owner alone."""
        return self.root / "owner" / "secret.key"

    @property
    def commitment(self) -> Path:
        """Commitment and protocol; may be published."""
        return self.root / "owner" / "commitment.json"

    @property
    def manifest(self) -> Path:
        """Utterances of the unmarked corpus with the hashes of their files."""
        return self.root / "owner" / "manifest.csv"

    @property
    def source(self) -> Path:
        """Settings of the corpus."""
        return self.root / "owner" / "source.json"

    @property
    def release(self) -> Path:
        """The public value that was fixed after the commitment."""
        return self.root / "owner" / "public_value.json"

    @property
    def table(self) -> Path:
        """Published files with hashes, and which of them are marked."""
        return self.root / "owner" / "published.csv"

    @property
    def published(self) -> Path:
        """Folder of the marked copy."""
        return self.root / "published"

    @property
    def queries(self) -> Path:
        """Folder of the query audio."""
        return self.root / "queries"


@dataclass(frozen=True)
class Claim:
    """All that a claim is recomputed from.

    Attributes:
        secret: of the owner.
        protocol: that was committed to.
        manifest: rows of the unmarked corpus.
        random: draws from secret and public value.
    """

    secret: bytes
    protocol: Protocol
    manifest: Sequence[Mapping[str, str]]
    random: KeyedRandom

    @property
    def method(self) -> OwnershipMethod:
        """The method of the protocol."""
        method = plugins.build("ownership_methods", self.protocol.method)
        assert isinstance(method, OwnershipMethod)
        return method

    @property
    def labels_by_id(self) -> dict[str, str]:
        """Label of each utterance of the unmarked corpus."""
        return {row["utterance_id"]: row["label"] for row in self.manifest}

    def markings(self) -> list[Marking]:
        """Return which training utterances are published with a mark; none is a query utterance."""
        markable = {
            row["utterance_id"]: row["label"]
            for row in self.manifest
            if row["split"] == "train" and row["utterance_id"] not in self.protocol.queries
        }
        return self.method.markings(markable, self.protocol.labels, self.random)

    def query_utterances(self) -> list[str]:
        """Return the utterances that are asked about."""
        if self.method.queries_training_data:
            return [marking.utterance_id for marking in self.markings()]
        return sorted(self.protocol.queries)


def load_claim(folder: OwnerFolder) -> Claim:
    """Read a claim.

    Raises:
        InputError: a file is absent or damaged, or the public value is not fixed.
    """
    _, protocol, _ = read_commitment(folder.commitment)
    if not folder.release.is_file():
        raise InputError(f"{folder.release}: no marked copy was written yet; run own mark with --public-value first")
    public_value = json.loads(folder.release.read_text(encoding="utf-8"))["public_value"]
    secret = read_secret(folder.secret)
    return Claim(secret, protocol, read_rows(folder.manifest, MANIFEST), KeyedRandom(secret, public_value))


def load_corpus(folder: OwnerFolder) -> Corpus:
    """Return the corpus that a claim marks.

    Raises:
        InputError: its description is absent or damaged.
    """
    try:
        settings: dict[str, Any] = json.loads(folder.source.read_text(encoding="utf-8"))
        corpus = plugins.build("corpora", settings)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder.source}: the corpus's description cannot be read ({error})") from error
    assert isinstance(corpus, Corpus)
    return corpus


def manifest_of(folder: OwnerFolder) -> str:
    """Return the hash of the manifest as it is on disk."""
    return manifest_hash(read_rows(folder.manifest, MANIFEST))


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as CSV, atomically.

    Args:
        path: of the file.
        columns: in their order.
        rows: values by column.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of a CSV file.

    Raises:
        InputError: it is absent, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a readable CSV table ({error})") from error
    if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
        raise InputError(f"{path}: has no column {missing[0]!r}; its columns are {', '.join(reader.fieldnames or ())}")
    return rows
