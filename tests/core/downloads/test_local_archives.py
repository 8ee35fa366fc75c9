"""The order of sources: the user's downloads, the cache, and then the network."""

import hashlib
from pathlib import Path

import pytest
from archives import BODY, FILES, FOLDER, FileServer, archive_of, complete, content_of, leftovers

from sanguinaria.core.downloads import DownloadError, obtain, sha256_of


def test_own_extracted_folder_needs_no_request(server: FileServer, cache: Path, own: Path) -> None:
    (own / FOLDER).mkdir()
    (own / FOLDER / "LICENSE").write_bytes(b"free")
    assert obtain(archive_of(BODY, server.url), cache, complete) == own / FOLDER
    assert server.ranges == [] and not cache.exists()


def test_own_folder_that_fails_its_check(server: FileServer, cache: Path, own: Path) -> None:
    (own / FOLDER).mkdir()
    with pytest.raises(DownloadError, match="LICENSE is missing") as caught:
        obtain(archive_of(BODY, server.url), cache, complete)
    assert str(own / FOLDER) in str(caught.value) and "Fix: " in str(caught.value)
    assert server.ranges == []


def test_own_archive_is_extracted_into_the_cache(server: FileServer, cache: Path, own: Path) -> None:
    (own / "speech_v1.tar.gz").write_bytes(BODY)
    assert obtain(archive_of(BODY, server.url), cache, complete) == cache / FOLDER
    assert content_of(cache / FOLDER) == FILES
    assert server.ranges == [] and leftovers(cache) == {FOLDER}
    assert [path.name for path in own.iterdir()] == ["speech_v1.tar.gz"]


def test_own_archive_with_another_checksum(server: FileServer, cache: Path, own: Path) -> None:
    (own / "speech_v1.tar.gz").write_bytes(BODY[:-1])
    with pytest.raises(DownloadError) as caught:
        obtain(archive_of(BODY, server.url), cache)
    for text in (str(own / "speech_v1.tar.gz"), sha256_of(own / "speech_v1.tar.gz"), hashlib.sha256(BODY).hexdigest()):
        assert text in str(caught.value)
    assert server.ranges == []


def test_own_folder_without_the_archive_is_skipped(server: FileServer, cache: Path, own: Path) -> None:
    assert obtain(archive_of(BODY, server.url), cache) == cache / FOLDER
    assert len(server.ranges) == 1


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_variable_that_names_no_folder(
    kind: str, server: FileServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.write_bytes(b"")
    monkeypatch.setenv("SANGUINARIA_DOWNLOADS", str(place))
    with pytest.raises(DownloadError, match="SANGUINARIA_DOWNLOADS is set to .*place.* not a folder"):
        obtain(archive_of(BODY, server.url), cache)
    assert server.ranges == []


def test_empty_variable_counts_as_unset(server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANGUINARIA_DOWNLOADS", "")
    assert obtain(archive_of(BODY, server.url), cache) == cache / FOLDER


def test_cached_folder_that_fails_its_check(server: FileServer, cache: Path) -> None:
    (cache / FOLDER).mkdir(parents=True)
    with pytest.raises(DownloadError, match="LICENSE is missing.*delete that folder") as caught:
        obtain(archive_of(BODY, server.url), cache, complete)
    assert str(cache / FOLDER) in str(caught.value)
    assert server.ranges == []


def test_cached_archive_needs_no_request(server: FileServer, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz").write_bytes(BODY)
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == []


def test_damaged_cached_archive_is_downloaded_again(server: FileServer, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz").write_bytes(BODY[:-5])
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert (cache / "speech_v1.tar.gz").read_bytes() == BODY


def test_cache_that_cannot_be_created(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="speech_v1.tar.gz.*could not be read or written"):
        obtain(archive_of(BODY, server.url), tmp_path / "file" / "cache")
