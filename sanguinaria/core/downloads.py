"""Downloads of archives: found locally or downloaded once, verified, extracted and checked.

The network is used only after every local folder was searched. A file or folder has its final name only when it is
complete, so a process that was killed leaves nothing that looks complete.
"""

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from filelock import FileLock
from tqdm import tqdm  # type: ignore[import-untyped]

from sanguinaria.core import archive_extraction
from sanguinaria.core.archive_extraction import (
    BROKEN_ARCHIVE,
    UnusableArchive,
    content_folder,
    extraction_remedy,
    reject_outward_links,
)
from sanguinaria.core.errors import InputError
from sanguinaria.core.supplied_downloads import DOWNLOADS_VARIABLE, WEIGHTS, supplied_downloads

OFFLINE_VARIABLE = "SANGUINARIA_OFFLINE"  # with 1, nothing is downloaded
ATTEMPTS = 4
BACKOFF_S = 1.0  # the wait before the first retry; it doubles with each further one
TIMEOUT_S = (10.0, 60.0)  # to connect, and between two chunks of the body
CHUNK_BYTES = 1 << 20

LOG = logging.getLogger(__name__)

Check = Callable[[Path], str | None]

# Too Many Requests and Request Timeout are transient; every other 4xx is permanent.
_TRANSIENT_STATUSES = frozenset({408, 429})


class DownloadError(InputError):
    """An archive could not be obtained; the message names the archive, the location, the cause and the remedy."""


class _Interrupted(Exception):
    """A transfer stopped for a transient reason."""


# The body is read from urllib3 itself, whose errors requests does not convert.
_TRANSIENT_FAILURES = (
    _Interrupted,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Args:
        name: the file name, such as "speech_commands_test_set_v0.02.tar.gz"; a name ending in ".zip" is read as zip,
            every other as tar, compressed or not.
        url: the address of the download.
        sha256: the checksum, in hexadecimal.
        folder: the name of the extracted folder, such as "speech_commands_test_v0.02"; empty for a single file.
    """

    name: str
    url: str
    sha256: str
    folder: str


def obtain(archive: Archive, cache: Path, check: Check = lambda folder: None) -> Path:
    """Return the extracted folder of an archive, which is downloaded only where no local copy exists.

    The sources, in order: the folder of SANGUINARIA_DOWNLOADS (the extracted folder, then the archive), the extracted
    folder in the cache, the archive in the cache, the network. An empty SANGUINARIA_DOWNLOADS counts as unset.
    Processes that obtain the same archive at once wait for one another.

    Args:
        archive: the archive.
        cache: the folder for downloads and extracted folders; created where missing.
        check: a function of the extracted folder that returns a description of its problem, or None.

    Returns:
        The extracted folder: in SANGUINARIA_DOWNLOADS where it exists there, otherwise in the cache.

    Raises:
        DownloadError: SANGUINARIA_DOWNLOADS is not a folder, a checksum or check failed, the download failed, the
            archive is corrupt or unsafe, or the files could not be read or written.
    """
    downloads = _downloads_folder()
    if downloads is not None and (downloads / archive.folder).is_dir():
        remedy = f"replace it with the complete content of {archive.name}, or take it out of {downloads}"
        return _checked(downloads / archive.folder, check, remedy)
    supplied = _supplied_archive(archive, downloads)
    destination = cache / archive.folder
    # A folder gets this name only when it is complete, so a finished one needs no lock (nor a writable cache).
    if not destination.is_dir():
        _fill(archive, supplied, destination)
    return _checked(destination, check, "delete that folder and try again")


def obtain_file(file: Archive, cache: Path) -> Path:
    """Return a published single file, which is downloaded only where no local copy exists.

    The sources, in order: the folder of SANGUINARIA_DOWNLOADS, its folder "weights", the cache, the network.

    Args:
        file: the file.
        cache: the folder for downloads; created where missing.

    Returns:
        The file, its checksum verified.

    Raises:
        DownloadError: as :func:`obtain`.
    """
    downloads = _downloads_folder()
    for folder in () if downloads is None else (downloads, downloads / WEIGHTS):
        supplied = _supplied_archive(file, folder)
        if supplied is not None:
            return supplied
    with _file_errors(file, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{file.name}.lock"):
            return _cached_archive(file, cache)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 checksum of a file without holding the file in memory.

    Args:
        path: the file.

    Returns:
        The checksum, in lower-case hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _downloads_folder() -> Path | None:
    try:
        return supplied_downloads()
    except InputError as error:
        raise DownloadError(str(error)) from None


def _supplied_archive(archive: Archive, downloads: Path | None) -> Path | None:
    """Find the archive in the user's own downloads; a wrong one is an error, since it must not be replaced."""
    if downloads is None or not (downloads / archive.name).is_file():
        return None
    path = downloads / archive.name
    with _file_errors(archive, downloads):
        checksum = sha256_of(path)
    if not _matches(checksum, archive):
        raise DownloadError(
            f"{path} is not the expected archive: its SHA-256 is {checksum}, not {archive.sha256}. Fix: replace it "
            f"with the file at {archive.url}, or take it out of {downloads}."
        )
    return path


def _fill(archive: Archive, supplied: Path | None, destination: Path) -> None:
    """Extract the archive into the cache, one process at a time."""
    cache = destination.parent
    with _file_errors(archive, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{archive.name}.lock"):
            # Another process may have finished it while this one waited for the lock.
            if not destination.is_dir():
                _extract(archive, supplied or _cached_archive(archive, cache), destination)


def _cached_archive(archive: Archive, cache: Path) -> Path:
    """Return the verified archive in the cache, which is downloaded where it is missing or damaged."""
    path = cache / archive.name
    if path.is_file():
        checksum = sha256_of(path)
        if _matches(checksum, archive):
            return path
        LOG.warning("%s has SHA-256 %s, not %s: downloading it again", path, checksum, archive.sha256)
    part = cache / f"{archive.name}.part"
    _download(archive, part)
    _verify_part(archive, part)
    os.replace(part, path)
    return path


def _verify_part(archive: Archive, part: Path) -> None:
    """Delete a complete download with a wrong checksum."""
    checksum = sha256_of(part)
    if _matches(checksum, archive):
        return
    # Resuming from wrong bytes could never succeed.
    part.unlink()
    raise DownloadError(
        f"{archive.name}, downloaded from {archive.url}, has SHA-256 {checksum}, not the expected {archive.sha256}; "
        "the download was deleted. Fix: try again; if the checksum stays the same, the published file was changed or "
        f"is altered in transit, so obtain the right file and put it into a folder named by {DOWNLOADS_VARIABLE}."
    )


def _download(archive: Archive, part: Path) -> None:
    """Download the rest of the part file, with retries after transient failures."""
    if os.environ.get(OFFLINE_VARIABLE) == "1":
        raise _unreachable(archive, f"{OFFLINE_VARIABLE} is 1")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _transfer(archive, part)
        except _TRANSIENT_FAILURES as error:
            if attempt == ATTEMPTS:
                raise _unreachable(archive, f"{_cause(error)} (after {ATTEMPTS} attempts)") from error
            LOG.warning("%s: %s: trying again", archive.url, _cause(error))
        except requests.RequestException as error:
            raise _unreachable(archive, _cause(error)) from error
        time.sleep(BACKOFF_S * 2 ** (attempt - 1))


def _transfer(archive: Archive, part: Path) -> None:
    """Make one request, for the bytes that the part file lacks."""
    received = part.stat().st_size if part.exists() else 0
    # The checksum and the byte positions are those of the file as published, so no encoding on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={received}-"} if received else {})
    with requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if received and response.status_code == requests.codes.requested_range_not_satisfiable:
            return _settle_unsatisfiable(archive, part)
        _reject_failure(archive, response)
        start, total = _span(response)
        if start not in (0, received):
            part.unlink()
            raise _Interrupted(f"the server sent bytes from {start} where {received} was requested")
        _save(archive, response, part, start, total)


def _settle_unsatisfiable(archive: Archive, part: Path) -> None:
    """Handle a server without bytes beyond the part file, which is complete, or of another file."""
    if not _matches(sha256_of(part), archive):
        part.unlink()
        raise _Interrupted("the partial download did not belong to the file: starting over")


def _reject_failure(archive: Archive, response: requests.Response) -> None:
    """Raise an error for a response without content: a transient one where a retry may succeed."""
    status = response.status_code
    if status in (requests.codes.ok, requests.codes.partial_content):
        return
    description = f"the server answered {status} {response.reason or ''}".rstrip()
    if status >= 500 or status in _TRANSIENT_STATUSES:
        raise _Interrupted(description)
    raise _unreachable(archive, description)


def _span(response: requests.Response) -> tuple[int, int | None]:
    """Return the position of the body's first byte in the file, and the file's length where the server states it."""
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    if response.status_code != requests.codes.partial_content:
        return 0, size
    stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if stated is None:
        raise _Interrupted("the server sent part of the file without saying which part")
    start = int(stated[1])
    if stated[2] != "*":
        return start, int(stated[2])
    return start, None if size is None else start + size


def _save(archive: Archive, response: requests.Response, part: Path, start: int, total: int | None) -> None:
    """Write the body behind the first `start` bytes of the part file."""
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, unit_divisor=1024, desc=archive.name)
    with bar, part.open("ab" if start else "wb") as file:
        # Undecoded: some servers declare a .tar.gz as a gzip-encoded tar, and decoding would change the checksum.
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            bar.update(len(chunk))
    size = part.stat().st_size
    if total is not None and size != total:
        raise _Interrupted(f"the transfer stopped at {size} of {total} bytes")


def _extract(archive: Archive, source: Path, destination: Path) -> None:
    """Extract beside the destination and rename, so that the destination is complete whenever it exists."""
    # A fixed name, safe under the lock, so that the remains of a killed process are deleted here.
    partial = destination.parent / f"{archive.name}.extracting"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        archive_extraction.unpack(source, partial)
        root = content_folder(partial, archive.folder)
        reject_outward_links(root)
        os.rename(root, destination)
    except BROKEN_ARCHIVE as error:
        raise DownloadError(
            f"{source} could not be extracted into {destination}: {_cause(error)}. Fix: {extraction_remedy(error)}."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _checked(folder: Path, check: Check, remedy: str) -> Path:
    problem = check(folder)
    if problem is not None:
        raise DownloadError(f"{folder} is not as expected: {problem}. Fix: {remedy}.")
    return folder


def _matches(checksum: str, archive: Archive) -> bool:
    return checksum == archive.sha256.strip().lower()


def _unreachable(archive: Archive, cause: str) -> DownloadError:
    extracted = f", or its extracted folder {archive.folder}," if archive.folder else ""
    return DownloadError(
        f"{archive.name} could not be downloaded from {archive.url}: {cause}. Fix: check the network and try "
        f"again, or obtain the file elsewhere and put {archive.name}{extracted} into "
        f"a folder named by the environment variable {DOWNLOADS_VARIABLE}."
    )


def _cause(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, _Interrupted | UnusableArchive):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def _file_errors(archive: Archive, folder: Path) -> Iterator[None]:
    """Convert errors of local files to :class:`DownloadError`."""
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"{archive.name}: files in {folder} could not be read or written: {_cause(error)}. Fix: make sure that the "
            "folder is writable and its disk has room, then try again."
        ) from error
