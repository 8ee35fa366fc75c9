"""What all tests share."""

import os
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from filelock import FileLock


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors only: more threads cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny workflow has run: to look at, and to copy (:func:`tiny.clone`).

    Where several processes share the tests, the first that asks for it makes it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            tiny.run(tiny.checkout(folder))
            done.touch()
    return folder
