"""An exported network, TorchScript or ONNX, behind a front end that is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.front_ends import FrontEnd
from sanguinaria.ownership.suspects import Answer, Suspect
from sanguinaria.ownership.suspects._waveforms import AudioFormat, answers_of_array, read_waveforms

if TYPE_CHECKING:
    import torch

Network = Callable[["torch.Tensor"], object]


class Exported(Suspect):
    """A network from the front end's features (utterances, channels, times) to logits or probabilities.

    Args:
        path: a file of TorchScript, or of ONNX if its name ends so.
        front_end: its kind, or JSON of its settings with ``kind``.
        audio: that it takes.
        labels: of its outputs.
        logits: whether its outputs are logits.

    Raises:
        InputError: the file or the front end cannot be used.
    """

    def __init__(self, path: Path, front_end: str, audio: AudioFormat, labels: Sequence[str], logits: bool) -> None:
        import torch

        self._network = _onnx(path) if path.suffix == ".onnx" else _torch_script(path)
        self._transform = _front_end(front_end).transform(audio.sample_rate, torch.device("cpu"))
        self._path, self._audio, self._labels, self._logits = path, audio, labels, logits

    def answer(self, files: Sequence[Path]) -> list[Answer]:
        import torch

        with torch.inference_mode():
            features = self._transform(torch.from_numpy(read_waveforms(files, self._audio)))
            try:
                values = self._network(features)
            except Exception as error:  # errors of either runtime have no class in common
                shape = tuple(features.shape)
                raise InputError(f"{self._path}: fails with features {shape}: {str(error).splitlines()[-1]}") from error
        return answers_of_array(values, len(files), self._labels, self._logits)


def _front_end(text: str) -> FrontEnd:
    try:
        settings = json.loads(text) if text.startswith("{") else {"kind": text}
        front_end = plugins.build("front_ends", settings)
    except (KeyError, ValueError) as error:
        known = ", ".join(plugins.kinds("front_ends"))
        raise InputError(f"front end {text!r}: {error}; give {known}, or JSON of its settings with `kind`") from error
    assert isinstance(front_end, FrontEnd)
    return front_end


def _torch_script(path: Path) -> Network:
    import torch

    try:
        network: Network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: not a file of TorchScript ({str(error).splitlines()[0]})") from error
    return network


def _onnx(path: Path) -> Network:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"{path}: onnxruntime is not installed; install it, or export TorchScript") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors derive from Exception alone
        raise InputError(f"{path}: not a file of ONNX ({str(error).splitlines()[0]})") from error
    name = session.get_inputs()[0].name
    return lambda features: session.run(None, {name: features.numpy()})[0]
