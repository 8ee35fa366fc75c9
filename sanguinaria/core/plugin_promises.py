"""Promises of the protocols, checked on what plug-ins return: shape, type, device, range and finite values.

A plug-in that breaks one would otherwise make rows that look like any other, or fail in a later job.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.errors import InputError, PluginError

if TYPE_CHECKING:
    import numpy as np
    import torch


# Largest absolute sample that a plug-in may return: a change that is added to full scale, and no range of integers.
LARGEST_SAMPLE = 8.0
# Errors of Python that are raised by a mistake in code. Others, such as ValueError, may follow from a damaged file.
DEFECTS = (TypeError, NameError, AttributeError, ImportError, NotImplementedError)


def source_of(plugin: object) -> str:
    """Return the place of a plug-in's code, relative to the library.

    >>> from sanguinaria.core.plugins import build
    >>> source_of(build("distortions", {"kind": "gain", "factor": 2}))
    'distortions/gain.py'
    """
    name = type(plugin).__module__
    file = Path(inspect.getfile(type(plugin))).name
    folders = name.split(".")[1:] if file == "__init__.py" else name.split(".")[1:-1]
    return "/".join([*folders, file])


def lines_of(plugin: object, error: BaseException) -> list[int]:
    """Return the lines of a plug-in's code on the way to an error; that of the error itself is not among them where
    it came from other code.

    Args:
        plugin: that was called.
        error: that was raised.
    """
    frames = [(str(frame.f_globals.get("__name__")), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [line for module, line in frames if module.startswith(type(plugin).__module__)]


def failure_of(plugin: object, error: BaseException) -> str:
    """Return the message of an error of Python in a plug-in: its file, its last line, and the error.

    Args:
        plugin: that was called.
        error: that was raised.
    """
    lines = lines_of(plugin, error)
    line = f", line {lines[-1]}" if lines else ""
    summary = (str(error).strip().splitlines() or [""])[0]
    return f"{source_of(plugin)}{line}: {type(error).__name__}: {summary}".rstrip(": ")


def is_defect(plugin: object, error: Exception) -> bool:
    """Return whether an error is a defect of a plug-in's own code, and does not follow from what it reads.

    Args:
        plugin: that was called.
        error: that was raised.
    """
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    own = str(frame.f_globals.get("__name__")).startswith(type(plugin).__module__)
    return own and isinstance(error, DEFECTS)


def check_waveforms(plugin: object, returned: object, given: torch.Tensor, *, same_length: bool = True) -> None:
    """Check the shape, type and device of waveforms that a plug-in returned.

    Args:
        plugin: that returned them.
        returned: should be float32 of the shape of ``given``, on its device.
        given: waveforms (utterances, samples).
        same_length: whether the number of samples has to be the same.

    Raises:
        InputError: they are not; the message names the plug-in's file.
    """
    import torch

    check_tensor(plugin, returned, given)
    assert isinstance(returned, torch.Tensor)
    shape, expected = tuple(returned.shape), tuple(given.shape)
    if shape != expected and (same_length or len(shape) != len(expected) or shape[:-1] != expected[:-1]):
        promise = "it has to keep the shape" if same_length else "it has to keep the number of utterances"
        raise InputError(f"{source_of(plugin)} returned {shape} for {expected}: {promise}, (utterances, samples)")
    if returned.dtype != torch.float32:
        raise InputError(f"{source_of(plugin)} returned {returned.dtype}: it has to return torch.float32")


def check_tensor(plugin: object, returned: object, given: torch.Tensor) -> None:
    """Check that a plug-in returned a tensor on the device of ``given``.

    Args:
        plugin: that returned it.
        returned: should be the tensor.
        given: input of the plug-in.

    Raises:
        InputError: it did not; the message names the plug-in's file.
    """
    import torch

    if not isinstance(returned, torch.Tensor):
        raise InputError(f"{source_of(plugin)} returned {type(returned).__name__}: it has to return a torch.Tensor")
    if returned.device.type != given.device.type:
        raise InputError(
            f"{source_of(plugin)} returned a tensor on {returned.device.type} for one on {given.device.type}: "
            "it has to return it on the same device"
        )


def check_finite(plugin: object, returned: torch.Tensor, utterance_ids: Sequence[str]) -> None:
    """Check that values which a plug-in returned are finite.

    Args:
        plugin: that returned them.
        returned: (utterances, …).
        utterance_ids: the names of the utterances, for the message.

    Raises:
        InputError: an utterance has a value that is not finite.
    """
    import torch

    finite = torch.isfinite(returned).flatten(1).all(1)
    if not finite.all():
        failed = [name for name, valid in zip(utterance_ids, finite.tolist(), strict=True) if not valid]
        raise InputError(
            f"{source_of(plugin)}: samples are not finite in {len(failed)} utterances, {failed[0]} first: it has to "
            "return finite values"
        )


def check_range(plugin: object, returned: torch.Tensor, largest: float = LARGEST_SAMPLE) -> None:
    """Check that waveforms which a plug-in returned are in the range of audio.

    Args:
        plugin: that returned them.
        returned: (utterances, samples), finite.
        largest: absolute value of a sample.

    Raises:
        InputError: a sample is beyond; the message names the plug-in's file.
    """
    peak = float(returned.abs().max()) if returned.numel() else 0.0
    if peak > largest + 1e-6:
        raise InputError(
            f"{source_of(plugin)} returned samples up to ±{peak:.6g}: audio is in [-1, 1], and is clipped there "
            "when it is written"
        )


def check_probabilities(plugin: object, returned: object, what: str) -> None:
    """Check that values which a plug-in returned are in [0, 1].

    Args:
        plugin: that returned them.
        returned: the tensor.
        what: name of the values, for the message.

    Raises:
        InputError: a value is outside, or not a number; the message names the plug-in's file.
    """
    import torch

    assert isinstance(returned, torch.Tensor)
    outside = ~((returned >= 0) & (returned <= 1))
    if outside.any():
        raise InputError(
            f"{source_of(plugin)} returned {float(returned[outside][0]):.6g} among {what}, which are in [0, 1]"
        )


def check_rows(plugin: object, returned: object, expected: tuple[int | None, ...], what: str) -> None:
    """Check the shape of a floating-point tensor other than waveforms.

    Args:
        plugin: that returned it.
        returned: the tensor.
        expected: its shape; ``None`` for an axis of any length.
        what: name of the tensor and its axes, for the message.

    Raises:
        InputError: it is no tensor of floating-point numbers of this shape; the message names the plug-in's file.
    """
    import torch

    if not isinstance(returned, torch.Tensor) or not returned.is_floating_point():
        kind = str(returned.dtype) if isinstance(returned, torch.Tensor) else type(returned).__name__
        raise InputError(f"{source_of(plugin)} returned {kind} as {what}: it has to return floating-point numbers")
    shape = tuple(returned.shape)
    fits = len(shape) == len(expected) and all(b in (None, a) for a, b in zip(shape, expected, strict=True))
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in expected)
        raise InputError(f"{source_of(plugin)} returned {shape} as {what}: it has to return ({wanted})")


def check_texts(plugin: object, returned: object, count: int) -> None:
    """Check that a plug-in returned one text for each of ``count`` utterances.

    Args:
        plugin: that returned them.
        returned: should be a list of texts.
        count: number of utterances.

    Raises:
        InputError: it did not; the message names the plug-in's file.
    """
    if not isinstance(returned, Sequence) or isinstance(returned, str) or not all(isinstance(x, str) for x in returned):
        raise InputError(f"{source_of(plugin)} returned no list of texts: it has to return one text for each utterance")
    if len(returned) != count:
        raise InputError(
            f"{source_of(plugin)} returned {len(returned)} texts for {count} utterances: it has to return one for each"
        )


def check_recording(plugin: object, samples: np.ndarray, rate: object) -> None:
    """Check the audio of a recording that a corpus read.

    Args:
        plugin: the corpus.
        samples: should be (frames, channels), floating-point and finite.
        rate: should be a positive whole number, in Hz.

    Raises:
        PluginError: they are not; the message names the plug-in's file.
    """
    import numpy as np

    if not isinstance(samples, np.ndarray) or samples.dtype.kind != "f" or samples.ndim != 2:
        was = f"{samples.dtype} {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
        raise PluginError(f"{source_of(plugin)} returned {was}: it has to return float32 (frames, channels)")
    if not np.isfinite(samples).all():
        raise PluginError(f"{source_of(plugin)}: samples of a recording are not finite: it has to refuse the recording")
    if not isinstance(rate, int | np.integer) or rate <= 0:
        raise PluginError(f"{source_of(plugin)} returned {rate!r} as sample rate: it has to return whole Hz above 0")
