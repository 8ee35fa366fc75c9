"""Archives for tests, and a server with configurable faults."""

import hashlib
import io
import random
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sanguinaria.core.downloads import Archive

FOLDER = "speech_v1"
# Incompressible content, so that the archives are long enough to be truncated anywhere.
NOISE = random.Random(0)
FILES = {"yes/a.wav": NOISE.randbytes(3000), "no/b.wav": NOISE.randbytes(3000), "LICENSE": b"free"}


class FileServer:
    """A local server of one body that misbehaves by instruction, one per request, and records requests."""

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
                span = self.headers.get("Range")
                behaviour = outer.behaviours.pop(0) if outer.behaviours else "serve"
                outer.ranges.append(span)
                time.sleep(outer.delay)
                if behaviour.isdecimal():
                    self.send_response(int(behaviour))
                    self.end_headers()
                    return
                start = int(span.removeprefix("bytes=").rstrip("-")) if span and behaviour != "ignore range" else 0
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
    """Files in the cache beside lock files, which filelock may keep or remove."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def complete(folder: Path) -> str | None:
    return None if (folder / "LICENSE").is_file() else "LICENSE is missing"


BODY = tar_bytes(FILES)
