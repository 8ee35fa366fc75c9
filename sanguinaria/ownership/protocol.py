"""The protocol of a claim, and the commitment to it that an owner publishes before the marked data."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Settings

SECRET_BYTES = 32
LINE = "sanguinaria-commitment-v1 "
# Keys are equivalent if they choose the same bands or tones; of equivalent keys, the one of the lowest number stays.
KEY_RULE = "key j is HMAC-SHA256(secret, 'key ' + j) in hexadecimal; a key equivalent to an earlier one is skipped"


class Protocol(Settings):
    """All that is fixed before release: method, mark, labels, level, and the queries by their content."""

    format: ClassVar[str] = "1"

    method: dict[str, Any] = Field(description="settings of the ownership method, with `kind`")
    statistic: str = Field(description="of the method, in words")
    mark: dict[str, Any] = Field(description="settings of the trigger with `kind`, without its key")
    mark_weights: str = Field(default="", description="SHA-256 of the file of a watermark's weights, if any")
    key_rule: str = KEY_RULE
    labels: tuple[str, ...] = Field(min_length=2, description="sorted")
    alpha: float = Field(gt=0, lt=1, description="level of the test")
    queries: dict[str, str] = Field(description="SHA-256 of each query utterance's file, by its name in the manifest")
    public_source: str = Field(default="", description="where the public value will be read; empty for none")
    software: str = Field(description="version that recomputes all")

    def canonical(self) -> bytes:
        """Return the protocol as canonical JSON: sorted keys, no spaces, UTF-8."""
        return canonical_json({"format": self.format, **self.model_dump(mode="json")})


def canonical_json(value: object) -> bytes:
    """Return a plain value as JSON with sorted keys and without spaces, UTF-8.

    >>> canonical_json({"b": 1, "a": ["é"]}).decode()
    '{"a":["é"],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def manifest_hash(rows: Iterable[Mapping[str, str]]) -> str:
    """Return the SHA-256 of a corpus: its utterances with label and SHA-256 of their files, in any order.

    Args:
        rows: with ``utterance_id``, ``label`` and ``sha256``.
    """
    lines = sorted([row["utterance_id"], row["label"], row["sha256"]] for row in rows)
    return hashlib.sha256(canonical_json(lines)).hexdigest()


def commitment(secret: bytes, protocol: Protocol, manifest: str) -> str:
    """Return c = SHA-256(secret ‖ SHA-256(protocol) ‖ SHA-256(manifest)), in hexadecimal.

    Args:
        secret: of :data:`SECRET_BYTES` bytes.
        protocol: that is committed to.
        manifest: hash of :func:`manifest_hash`.
    """
    # Parts of fixed lengths: no other secret and protocol have the same concatenation.
    parts = secret + hashlib.sha256(protocol.canonical()).digest() + bytes.fromhex(manifest)
    return hashlib.sha256(parts).hexdigest()


def write_secret(path: Path) -> bytes:
    """Draw a secret and write it to a new file that its owner alone can read.

    Raises:
        InputError: the file exists.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path}: there is a secret already; give another folder") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def read_secret(path: Path) -> bytes:
    """Read the file of :func:`write_secret`.

    Raises:
        InputError: it is absent, or no secret.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the secret cannot be read ({error}), and no claim is verified without it") from error
    if not re.fullmatch(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}", text):
        raise InputError(f"{path}: not a secret of {SECRET_BYTES} bytes in hexadecimal; restore the file")
    return bytes.fromhex(text)


def commitment_document(secret: bytes, protocol: Protocol, manifest: str) -> dict[str, Any]:
    """Return the content of ``commitment.json``: it may be published, and reveals nothing of the secret.

    Args:
        secret, protocol, manifest: as of :func:`commitment`.
    """
    value = commitment(secret, protocol, manifest)
    return {
        "commitment": value,
        "publish": LINE + value,
        "manifest_sha256": manifest,
        "protocol": protocol.model_dump(mode="json"),
    }


def read_commitment(path: Path) -> tuple[str, Protocol, str]:
    """Read ``commitment.json``.

    Returns:
        The commitment, the protocol, and the hash of the manifest.

    Raises:
        InputError: it is absent or no commitment: a claim without an earlier commitment is refused.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content["commitment"], Protocol.model_validate(content["protocol"]), content["manifest_sha256"]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no commitment: a claim without an earlier commitment is refused") from error
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{path}: not a commitment ({type(error).__name__}); restore the file") from error


def require_commitment(
    document: Path, secret: bytes, manifest: str, published: str, published_on: date, suspect_since: date
) -> Protocol:
    """Check that an earlier published commitment fits the revealed secret, the protocol and the manifest.

    Args:
        document: ``commitment.json``.
        secret: as it was revealed.
        manifest: hash of the manifest, recomputed.
        published: the published line, or its hexadecimal digits.
        published_on: day on which it was published, as its publisher certifies.
        suspect_since: day since which the suspect model is known to exist.

    Returns:
        The protocol.

    Raises:
        InputError: a part does not fit, or the commitment is not earlier than the suspect model.
    """
    stated, protocol, stated_manifest = read_commitment(document)
    if stated_manifest != manifest:
        raise InputError(
            f"{document}: the manifest's hash is {manifest[:12]}…, not {stated_manifest[:12]}…: it changed"
        )
    recomputed = commitment(secret, protocol, manifest)
    if recomputed != stated:
        raise InputError(f"{document}: the commitment does not fit the secret and the protocol; the claim is refused")
    if published.strip().removeprefix(LINE).strip() != recomputed:
        raise InputError(f"the published commitment is not that of {document}; the claim is refused")
    if published_on >= suspect_since:
        raise InputError(
            f"the commitment was published on {published_on}, and the suspect model is known since {suspect_since}: a "
            "claim without an earlier commitment is refused"
        )
    return protocol
