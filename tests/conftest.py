"""What all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors only: more threads cost more than they bring."""
    torch.set_num_threads(1)
