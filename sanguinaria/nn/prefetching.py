"""Batches on a device: a GPU gets the next ones from a background thread while it computes the present one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = tuple[torch.Tensor, ...]

# Batches that are prepared in advance: one that is copied, and one that is gathered.
AHEAD = 2


def on_device(items: Iterable[Item], gather: Callable[[Item], Batch], device: torch.device) -> Iterator[Batch]:
    """Yield the batches of items on a device, in order; the bytes are the same on every device.

    On the CPU they are gathered when they are asked for. For a GPU a thread gathers them, pins their memory and copies
    them on a stream of its own.

    Args:
        items: what each batch is gathered from, such as the positions of its utterances.
        gather: from an item to its batch, tensors on the CPU. It draws no random numbers, as it may run early.
        device: of the batches.

    Yields:
        The tensors of each batch.
    """
    if device.type != "cuda":
        for item in items:
            yield tuple(tensor.to(device) for tensor in gather(item))
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    for tensors, copied in in_background(items, lambda item: _copy(gather(item), device, stream)):
        present = torch.cuda.current_stream(device)
        present.wait_event(copied)
        for tensor in tensors:
            # Its memory was allocated on the other stream, and may not be used again there before this one is done.
            tensor.record_stream(present)
        yield tensors


def in_background(items: Iterable[Item], function: Callable[[Item], Result]) -> Iterator[Result]:
    """Yield the results of a function of each item, in order, computed up to :data:`AHEAD` items early by one thread.

    An exception of the function is raised where its result would have been yielded.

    Example:
        >>> list(in_background(range(5), lambda number: number**2))
        [0, 1, 4, 9, 16]
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            for item in items:
                pending.append(executor.submit(function, item))
                if len(pending) > AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _copy(batch: Batch, device: torch.device, stream: torch.cuda.Stream) -> tuple[Batch, torch.cuda.Event]:
    """The batch on the GPU, and the event at which its copy is complete."""
    with torch.cuda.stream(stream):
        copies = tuple(tensor.pin_memory().to(device, non_blocking=True) for tensor in batch)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record(stream)
    return copies, copied
