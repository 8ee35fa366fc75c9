"""Digests of the contents of files, kept between runs by the files' sizes and modification times."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.paths import CONTENTS

# A file that changed within so many nanoseconds is read again the next time: the next change may have the same time.
SETTLED = 2_000_000_000
THREADS = 8

# Size in bytes, modification time in ns, and digest of the content.
State = tuple[int, int, str]


def content_digests(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the digest of each file's content, reading only those whose size or modification time is another.

    A content that is exchanged for one of the same size, with the modification time set back, is not noticed.

    Args:
        folder: of the files; the digests are kept by its path in :data:`~sanguinaria.core.paths.CONTENTS`.
        names: paths below it.

    Returns:
        Digests of 32 hexadecimal digits; of a file that cannot be read, the reason.
    """
    store = CONTENTS / f"{hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]}.json"
    known = _read(store)
    now = time.time_ns()
    states = {name: _known_state(f"{folder}/{name}", known.get(name)) for name in names}
    new = [name for name, state in states.items() if state is None]
    with ThreadPoolExecutor(THREADS) as pool:
        states |= zip(new, pool.map(lambda name: _state(f"{folder}/{name}"), new), strict=True)
    settled = {name: state for name, state in states.items() if state and 0 < state[1] < now - SETTLED}
    if settled != known:
        with suppress(OSError, UnicodeEncodeError):  # a folder that cannot be written costs the time, and nothing else
            write_text(store, json.dumps(settled))
    return [state[2] for name in names if (state := states[name]) is not None]


def _known_state(path: str, known: State | None) -> State | None:
    """The known state of a file, if it is still so."""
    if known is None:
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return known if known[:2] == (status.st_size, status.st_mtime_ns) else None


def _state(path: str) -> State:
    """The state of a file, whose content is read."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            return status.st_size, status.st_mtime_ns, digest
    except (OSError, ValueError) as error:  # the job that reads it reports this
        return 0, 0, type(error).__name__


def _read(store: Path) -> Mapping[str, State]:
    """The kept states by name; none where the store is absent or damaged."""
    try:
        content = json.loads(store.read_text(encoding="utf-8"))
        return {name: (int(size), int(modified), str(digest)) for name, (size, modified, digest) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
