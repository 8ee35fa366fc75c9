"""Archives are obtained once, from the nearest place, and nothing unfinished or unsafe is left behind."""

import hashlib
import io
import random
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sanguinaria import downloads
from sanguinaria.downloads import Archive, DownloadError, obtain, sha256_of

FOLDER = "speech_v1"
# Content that does not compress, so that the archives are long enough to be cut anywhere.
NOISE = random.Random(0)
FILES = {"yes/a.wav": NOISE.randbytes(3000), "no/b.wav": NOISE.randbytes(3000), "LICENSE": b"free"}


class FileServer:
    """A local server of one body that misbehaves as told, one instruction per request, and remembers requests."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.behaviours: list[str] = []
        self.ranges: list[str | None] = []
        self.sent: list[int] = []
        self.delay = 0.0
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/archive"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                behaviour = outer.behaviours.pop(0) if outer.behaviours else "serve"
                outer.ranges.append(asked)
                time.sleep(outer.delay)
                if behaviour.isdecimal():
                    self.send_response(int(behaviour))
                    self.end_headers()
                    return
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and behaviour != "ignore range" else 0
                if start and start >= len(outer.body):
                    self.send_response(416)
                    self.end_headers()
                    return
                self.answer(start, behaviour)

            def answer(self, start: int, behaviour: str) -> None:
                content = outer.body[start:]
                self.send_response(206 if start else 200)
                if start:
                    first = start - 1 if behaviour == "wrong span" else start
                    self.send_header("Content-Range", f"bytes {first}-{len(outer.body) - 1}/{len(outer.body)}")
                if behaviour == "declare gzip":
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if behaviour == "drop":
                    content = content[: len(content) // 2]
                outer.sent.append(len(content))
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def tar_bytes(files: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...] = (), prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        if prefix == "./":
            top = tarfile.TarInfo("./")
            top.type = tarfile.DIRTYPE
            tar.addfile(top)
        for name, content in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


def file_member(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = 4
    return member


def archive_of(body: bytes, url: str = "http://127.0.0.1:9/archive", name: str = "speech_v1.tar.gz") -> Archive:
    return Archive(name=name, url=url, sha256=hashlib.sha256(body).hexdigest(), folder=FOLDER)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(cache: Path) -> set[str]:
    """What the cache holds beside lock files, which filelock may keep or remove."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def complete(folder: Path) -> str | None:
    return None if (folder / "LICENSE").is_file() else "LICENSE is missing"


BODY = tar_bytes(FILES)


@pytest.fixture(autouse=True)
def quick_and_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "BACKOFF_S", 0.001)
    monkeypatch.delenv("SANGUINARIA_DOWNLOADS", raising=False)
    # A proxy in the surroundings must not be asked for the local server.
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], FileServer]]:
    servers: list[FileServer] = []

    def start(body: bytes) -> FileServer:
        servers.append(FileServer(body))
        servers[-1].thread.start()
        return servers[-1]

    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


@pytest.fixture
def server(serve: Callable[[bytes], FileServer]) -> FileServer:
    return serve(BODY)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "made" / "cache"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that SANGUINARIA_DOWNLOADS names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("SANGUINARIA_DOWNLOADS", str(folder))
    return folder


def put_part(cache: Path, content: bytes) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz.part").write_bytes(content)


# Downloading


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


def test_upper_case_checksum_is_understood(server: FileServer, cache: Path) -> None:
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


def test_answer_of_another_span_starts_over(server: FileServer, cache: Path) -> None:
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


def test_repeated_drops_give_up_and_keep_what_came(server: FileServer, cache: Path) -> None:
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


def test_lasting_server_error_is_named(server: FileServer, cache: Path) -> None:
    server.behaviours = ["503"] * 10
    with pytest.raises(DownloadError, match="503"):
        obtain(archive_of(BODY, server.url), cache)
    assert len(server.ranges) == downloads.ATTEMPTS


def test_missing_file_is_not_retried(server: FileServer, cache: Path) -> None:
    server.behaviours = ["404"]
    with pytest.raises(DownloadError, match="404"):
        obtain(archive_of(BODY, server.url), cache)
    assert len(server.ranges) == 1


def test_body_declared_as_gzip_is_kept_as_published(server: FileServer, cache: Path) -> None:
    server.behaviours = ["declare gzip"]
    assert content_of(obtain(archive_of(BODY, server.url), cache)) == FILES


def test_wrong_checksum_names_both_sums_and_leaves_nothing(server: FileServer, cache: Path) -> None:
    archive = Archive("speech_v1.tar.gz", server.url, "0" * 64, FOLDER)
    with pytest.raises(DownloadError) as caught:
        obtain(archive, cache)
    assert "0" * 64 in str(caught.value) and hashlib.sha256(BODY).hexdigest() in str(caught.value)
    assert leftovers(cache) == set()


def test_no_server_names_the_way_out(cache: Path) -> None:
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
        "import sys; from pathlib import Path; from sanguinaria.downloads import Archive, obtain\n"
        f"print(obtain(Archive('speech_v1.tar.gz', sys.argv[1], sys.argv[2], {FOLDER!r}), Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", code, server.url, hashlib.sha256(BODY).hexdigest(), str(cache)]
    root = Path(__file__).parent.parent
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert server.ranges == [None]
    assert content_of(cache / FOLDER) == FILES


# Local places


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


def test_own_folder_without_the_archive_falls_through(server: FileServer, cache: Path, own: Path) -> None:
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


def test_cache_that_cannot_be_made(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="speech_v1.tar.gz.*could not be read or written"):
        obtain(archive_of(BODY, server.url), tmp_path / "file" / "cache")


# Extraction


def extract(body: bytes, cache: Path, name: str = "speech_v1.tar.gz") -> Path:
    """Obtain from an archive that is already in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / name).write_bytes(body)
    return obtain(archive_of(body, name=name), cache)


def assert_refused(body: bytes, cache: Path, name: str = "speech_v1.tar.gz") -> str:
    """Assert that the archive is refused by name and that nothing was written, in the cache or around it."""
    with pytest.raises(DownloadError) as caught:
        extract(body, cache, name)
    assert str(cache / name) in str(caught.value)
    assert leftovers(cache) == {name}
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]
    return str(caught.value)


@pytest.mark.parametrize("prefix", ["", "./", f"{FOLDER}/"])
def test_tar_layouts_give_the_same_folder(prefix: str, cache: Path) -> None:
    assert content_of(extract(tar_bytes(FILES, prefix=prefix), cache)) == FILES
    assert leftovers(cache) == {FOLDER, "speech_v1.tar.gz"}


def test_top_folder_of_another_name_is_kept(cache: Path) -> None:
    assert set(content_of(extract(tar_bytes(FILES, prefix="other/"), cache))) == {f"other/{name}" for name in FILES}


@pytest.mark.parametrize("prefix", ["", f"{FOLDER}/"])
def test_zip_layouts_give_the_same_folder(prefix: str, cache: Path) -> None:
    body = zip_bytes({prefix + name: content for name, content in FILES.items()})
    assert content_of(extract(body, cache, "speech_v1.zip")) == FILES


def test_link_inside_is_kept(cache: Path) -> None:
    folder = extract(tar_bytes(FILES, (link("latest", "yes/a.wav"),)), cache)
    assert (folder / "latest").read_bytes() == FILES["yes/a.wav"]


@pytest.mark.parametrize(
    "members",
    [
        (file_member("../evil"),),
        (file_member("yes/../../../evil"),),
        (link("out", "../.."), file_member("out/evil")),
        (link("out", "/tmp"),),
        (link("hard", "../speech_v1.tar.gz", tarfile.LNKTYPE),),
        (link("pipe", "", tarfile.FIFOTYPE),),
    ],
    ids=["parent", "deep parent", "through symlink", "absolute symlink", "hard link", "pipe"],
)
def test_hostile_tar_is_refused(members: tuple[tarfile.TarInfo, ...], cache: Path) -> None:
    assert "unsafe" in assert_refused(tar_bytes(FILES, members), cache)


def test_link_that_leaves_the_unnested_folder_is_refused(cache: Path) -> None:
    """Within the temporary folder this link is harmless; once its top folder is moved up, it is not."""
    body = tar_bytes(FILES, (link(f"{FOLDER}/out", "../secret"),), prefix=f"{FOLDER}/")
    assert "points outside" in assert_refused(body, cache)


@pytest.mark.parametrize("name", ["../evil", "yes/../../evil"])
def test_hostile_zip_is_refused(name: str, cache: Path) -> None:
    assert "outside the folder" in assert_refused(zip_bytes({**FILES, name: b"evil"}), cache, "speech_v1.zip")


def test_absolute_names_are_refused(tmp_path: Path) -> None:
    for kind in ("tar", "zip"):
        cache = tmp_path / kind / "cache"
        evil = str(cache.parent / "evil")
        body = tar_bytes(FILES, (file_member(evil),)) if kind == "tar" else zip_bytes({**FILES, evil: b"evil"})
        assert_refused(body, cache, f"speech_v1.{kind}")


@pytest.mark.parametrize("kept", [0, 10, 1000, 5000])
def test_truncated_tar_is_refused(kept: int, cache: Path) -> None:
    assert_refused(BODY[:kept], cache)


def test_damaged_zip_is_refused(cache: Path) -> None:
    body = zip_bytes(FILES)
    assert_refused(body[:-10], cache, "speech_v1.zip")
    middle = len(body) // 2
    assert_refused(body[:middle] + bytes(64) + body[middle + 64 :], cache, "speech_v1.zip")


def test_empty_archive_is_refused(cache: Path) -> None:
    assert "holds no files" in assert_refused(tar_bytes({}), cache)


def test_extraction_failing_for_want_of_space_does_not_blame_the_archive(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "_unpack", full)
    assert "disk has room" in assert_refused(BODY, cache)


def test_interrupted_extraction_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: Path, target: Path) -> None:
        (target / "half").write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_unpack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(BODY, cache)
    assert leftovers(cache) == {"speech_v1.tar.gz"}


def test_remains_of_a_killed_extraction_are_cleared(cache: Path) -> None:
    remains = cache / "speech_v1.tar.gz.extracting"
    remains.mkdir(parents=True)
    (remains / "half").write_bytes(b"")
    assert content_of(extract(BODY, cache)) == FILES
    assert not remains.exists()


def test_check_follows_extraction(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz").write_bytes(BODY)
    seen: list[Path] = []

    def check(folder: Path) -> str | None:
        seen.append(folder)
        return "too few speakers"

    with pytest.raises(DownloadError, match="too few speakers"):
        obtain(archive_of(BODY), cache, check)
    assert seen == [cache / FOLDER]


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(BODY).hexdigest()
