"""Fixtures of all tests."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from filelock import FileLock

from sanguinaria.core import plugins


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """One thread: the tensors of the tests are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def add_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Function that adds a file to a room, as a user does, for the time of the test."""
    names: list[tuple[str, str]] = []

    def add(room: str, source: str) -> str:
        package = importlib.import_module(f"sanguinaria.{room}")
        name = f"mine_{len(names)}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        names.append((room, name))
        plugins.kinds.cache_clear()
        return name

    yield add
    for room, name in names:
        sys.modules.pop(f"sanguinaria.{room}.{name}", None)
    monkeypatch.undo()
    plugins.kinds.cache_clear()
    plugins.find.cache_clear()


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test in an empty working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny workflow has run, to read and to copy (:func:`tiny.clone`)."""
    return _made_once(tmp_path_factory, "finished", lambda folder: tiny.run(tiny.checkout(folder)))


@pytest.fixture(scope="session")
def finished_benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny benchmark has run."""
    return _made_once(tmp_path_factory, "benchmark", lambda folder: _run_other(folder, "tiny_benchmark"))


@pytest.fixture(scope="session")
def finished_verification(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny verification has run."""
    return _made_once(tmp_path_factory, "verification", lambda folder: _run_other(folder, "tiny_verification"))


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once: of the processes that share the tests, the first makes it, and the others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


def _run_other(folder: Path, target: str) -> None:
    """Run the workflow of another configuration, which is ``tiny.yaml`` in its checkout."""
    tiny.checkout(folder)
    shutil.copy(tiny.ROOT / "tests" / "data" / f"{target}.yaml", folder / "tiny.yaml")
    tiny.run(folder, targets=[target])
