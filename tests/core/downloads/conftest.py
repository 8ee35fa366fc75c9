"""A server, a cache and a folder of the user's downloads for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from archives import BODY, FileServer

from sanguinaria.core import downloads


@pytest.fixture(autouse=True)
def quick_and_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "BACKOFF_S", 0.001)
    monkeypatch.delenv("SANGUINARIA_DOWNLOADS", raising=False)
    # A proxy of the environment must not be used for the local server.
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
