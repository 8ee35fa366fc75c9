"""What all tests share."""

from pathlib import Path

import pytest
import tiny
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors only: more threads cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tiny workflow has run: to look at, and to copy (:func:`tiny.clone`)."""
    folder = tiny.checkout(tmp_path_factory.mktemp("workflow") / "first")
    tiny.run(folder)
    return folder
