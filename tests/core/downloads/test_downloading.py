"""Downloads: complete, resumed, or an error."""

import hashlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from archives import BODY, FILES, FOLDER, FileServer, archive_of, complete, content_of, leftovers

from sanguinaria.core import downloads
from sanguinaria.core.downloads import Archive, DownloadError, obtain


def put_part(cache: Path, content: bytes) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz.part").write_bytes(content)


def test_full_download(server: FileServer, cache: Path) -> None:
    folder = obtain(archive_of(BODY, server.url), cache, complete)
    assert folder == cache / FOLDER
    assert content_of(folder) == FILES
    assert server.ranges == [None]
    assert leftovers(cache) == {"speech_v1.tar.gz", FOLDER}


def test_progress_is_shown_on_stderr(server: FileServer, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obtain(archive_of(BODY, server.url), cache)
    shown = capsys.readouterr()
    assert "speech_v1.tar.gz" in shown.err and shown.out == ""


def test_second_call_makes_no_request(server: FileServer, cache: Path) -> None:
    archive = archive_of(BODY, server.url)
    assert obtain(archive, cache, complete) == obtain(archive, cache, complete)
    assert len(server.ranges) == 1


def test_upper_case_checksum_is_accepted(server: FileServer, cache: Path) -> None:
    archive = Archive("speech_v1.tar.gz", server.url, hashlib.sha256(BODY).hexdigest().upper(), FOLDER)
    assert content_of(obtain(archive, cache)) == FILES


def test_resumes_a_partial_download(server: FileServer, cache: Path) -> None:
    put_part(cache, BODY[:1000])
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == ["bytes=1000-"]
    assert server.sent == [len(BODY) - 1000]


def test_server_that_ignores_range_starts_over(server: FileServer, cache: Path) -> None:
    put_part(cache, b"stale" * 200)
    server.behaviours = ["ignore range"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == ["bytes=1000-"]
    assert server.sent == [len(BODY)]


def test_complete_partial_download_is_accepted(server: FileServer, cache: Path) -> None:
    put_part(cache, BODY)
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == [f"bytes={len(BODY)}-"] and server.sent == []


def test_overlong_partial_download_starts_over(server: FileServer, cache: Path) -> None:
    put_part(cache, BODY + b"more")
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == [f"bytes={len(BODY) + 4}-", None]


def test_response_with_another_range_starts_over(server: FileServer, cache: Path) -> None:
    put_part(cache, BODY[:1000])
    server.behaviours = ["wrong span"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert server.ranges == ["bytes=1000-", None]


def test_dropped_connection_is_resumed(server: FileServer, cache: Path) -> None:
    server.behaviours = ["drop"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    half = len(BODY) // 2
    assert server.ranges == [None, f"bytes={half}-"]
    assert server.sent == [half, len(BODY) - half]


def test_repeatedly_dropped_connection_is_an_error_and_the_part_is_kept(server: FileServer, cache: Path) -> None:
    server.behaviours = ["drop"] * downloads.ATTEMPTS
    with pytest.raises(DownloadError, match="SANGUINARIA_DOWNLOADS"):
        obtain(archive_of(BODY, server.url), cache)
    assert leftovers(cache) == {"speech_v1.tar.gz.part"}
    assert BODY.startswith((cache / "speech_v1.tar.gz.part").read_bytes())
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES


def test_server_errors_are_retried(server: FileServer, cache: Path) -> None:
    server.behaviours = ["503", "429"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES
    assert len(server.ranges) == 3


def test_permanent_server_error_is_named(server: FileServer, cache: Path) -> None:
    server.behaviours = ["503"] * 10
    with pytest.raises(DownloadError, match="503"):
        obtain(archive_of(BODY, server.url), cache)
    assert len(server.ranges) == downloads.ATTEMPTS


def test_missing_file_is_not_retried(server: FileServer, cache: Path) -> None:
    server.behaviours = ["404"]
    with pytest.raises(DownloadError, match="404"):
        obtain(archive_of(BODY, server.url), cache)
    assert len(server.ranges) == 1


def test_body_declared_as_gzip_is_not_decoded(server: FileServer, cache: Path) -> None:
    server.behaviours = ["declare gzip"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES


def test_wrong_checksum_names_both_and_leaves_no_file(server: FileServer, cache: Path) -> None:
    archive = Archive("speech_v1.tar.gz", server.url, "0" * 64, FOLDER)
    with pytest.raises(DownloadError) as caught:
        obtain(archive, cache)
    assert "0" * 64 in str(caught.value) and hashlib.sha256(BODY).hexdigest() in str(caught.value)
    assert leftovers(cache) == set()


def test_error_without_a_server_names_the_remedy(cache: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/archive"
    with pytest.raises(DownloadError) as caught:
        obtain(archive_of(BODY, url), cache)
    for text in (url, "speech_v1.tar.gz", FOLDER, "SANGUINARIA_DOWNLOADS"):
        assert text in str(caught.value)


def test_unknown_scheme_is_one_clear_error(cache: Path) -> None:
    with pytest.raises(DownloadError, match="gopher://example"):
        obtain(archive_of(BODY, "gopher://example"), cache)


def test_two_processes_share_one_download(server: FileServer, cache: Path) -> None:
    server.delay = 0.3
    code = (
        "import sys; from pathlib import Path; from sanguinaria.core.downloads import Archive, obtain\n"
        f"print(obtain(Archive('speech_v1.tar.gz', sys.argv[1], sys.argv[2], {FOLDER!r}), Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", code, server.url, hashlib.sha256(BODY).hexdigest(), str(cache)]
    root = Path(__file__).parents[3]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert server.ranges == [None]
    assert content_of(cache / FOLDER) == FILES
