"""The commitment: a hand-computed value, and each part that does not fit is refused."""

import hashlib
import json
import stat
from datetime import date

import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.protocol import (
    Protocol,
    commitment,
    commitment_document,
    manifest_hash,
    read_secret,
    require_commitment,
    write_secret,
)

SECRET = bytes(range(32))
ROWS = [{"utterance_id": f"{n}.wav", "label": "ab"[n % 2], "sha256": "0" * 64} for n in range(4)]
DAYS = (date(2025, 1, 1), date(2025, 6, 1))


def protocol(**changes) -> Protocol:
    fields = {
        "method": {"kind": "pairs"},
        "statistic": "wins",
        "mark": {"kind": "tones"},
        "labels": ("a", "b"),
        "alpha": 0.01,
        "queries": {"0.wav": "0" * 64},
        "software": "0",
    }
    return Protocol(**(fields | changes))


def test_the_commitment_is_the_hash_of_secret_protocol_and_manifest():
    manifest = manifest_hash(ROWS)
    content = json.dumps([[f"{n}.wav", "ab"[n % 2], "0" * 64] for n in range(4)], separators=(",", ":"))
    assert manifest == hashlib.sha256(content.encode()).hexdigest() == manifest_hash(ROWS[::-1])
    document = hashlib.sha256(protocol().canonical()).digest()
    assert (
        commitment(SECRET, protocol(), manifest)
        == hashlib.sha256(SECRET + document + bytes.fromhex(manifest)).hexdigest()
    )


def test_a_secret_is_its_owner_s_alone_and_never_overwritten(tmp_path):
    path = tmp_path / "owner" / "secret.key"
    secret = write_secret(path)
    assert len(secret) == 32 and read_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="there is a secret already"):
        write_secret(path)
    path.write_text("abc")
    with pytest.raises(InputError, match="not a secret of 32 bytes"):
        read_secret(path)


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "commitment.json"
    path.write_text(json.dumps(commitment_document(SECRET, protocol(), manifest_hash(ROWS))))
    return path


def test_a_fitting_claim_is_admitted(document):
    line = json.loads(document.read_text())["publish"]
    assert require_commitment(document, SECRET, manifest_hash(ROWS), line, *DAYS) == protocol()


def test_claims_that_do_not_fit_are_refused(document, tmp_path):
    line, manifest = json.loads(document.read_text())["publish"], manifest_hash(ROWS)
    with pytest.raises(InputError, match="a claim without an earlier commitment is refused"):
        require_commitment(tmp_path / "absent.json", SECRET, manifest, line, *DAYS)
    with pytest.raises(InputError, match="a claim without an earlier commitment is refused"):
        require_commitment(document, SECRET, manifest, line, *DAYS[::-1])
    with pytest.raises(InputError, match="does not fit the secret"):
        require_commitment(document, bytes(32), manifest, line, *DAYS)
    with pytest.raises(InputError, match="the manifest's hash is"):
        require_commitment(document, SECRET, manifest_hash(ROWS[1:]), line, *DAYS)
    with pytest.raises(InputError, match="the published commitment is not that of"):
        require_commitment(document, SECRET, manifest, "0" * 64, *DAYS)
    changed = json.loads(document.read_text())
    changed["protocol"]["alpha"] = 0.05
    document.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="does not fit the secret and the protocol"):
        require_commitment(document, SECRET, manifest, line, *DAYS)
    document.write_text("{}")
    with pytest.raises(InputError, match="not a commitment"):
        require_commitment(document, SECRET, manifest, line, *DAYS)
