"""Fixtures of all tests."""

import os
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from filelock import FileLock


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """One thread: the tensors of the tests are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test in an empty working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny workflow has run, to read and to copy (:func:`tiny.clone`).

    Where several processes share the tests, the first one runs the workflow, and the others wait.
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
