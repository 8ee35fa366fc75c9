"""Computational cost of embedding and detection: parameters, floating-point operations and real-time factors.

Utterances are processed one at a time. Times are those of this machine, on one core and, if there is one, on a GPU; the
row names both.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.audio import utterances
from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.run_environment import describe_environment
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import random_message
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch

    Pass = Callable[[torch.Tensor], object]

# Number of utterances, and of repeated passes of each.
UTTERANCES = 5
REPETITIONS = 5


def measure_efficiency(
    *, weights: Path, secret: str | None, shards: Sequence[Path], destination: Path, device: torch.device
) -> None:
    """Write one row as JSON.

    For embedding and for detection each: ``parameters``, ``gflops_per_second`` (10⁹ operations for each second of
    audio), ``cpu_real_time_factor`` and ``gpu_real_time_factor`` (seconds of computation for each second of audio,
    absent without a GPU). And ``processor`` and ``gpu``; ``utterances``, their ``seconds`` and ``sample_rate``, and
    ``repetitions``.

    Args:
        weights: of generator and detector.
        secret: their key; ``None`` for a watermark without keys.
        shards: of the corpus, whose first test utterances are used.
        destination: JSON file.
        device: a GPU whose times are measured beside the CPU's, or the CPU.
    """
    import torch

    batch = next(batch for path in shards for batch in utterances.read(path, split="test"))
    speech = torch.from_numpy(batch.waveforms[:UTTERANCES, None])
    watermark, state = load_weights(weights)
    message = random_message("efficiency", 0, 1, watermark.message_bits)

    def marker_on(where: torch.device) -> Marker:
        return watermark.load(state, batch.sample_rate, where, secret)

    cpu = torch.device("cpu")
    seconds = speech.shape[-1] / batch.sample_rate
    row: dict[str, Any] = {
        "sample_rate": batch.sample_rate,
        "seconds": seconds,
        "utterances": len(speech),
        "repetitions": REPETITIONS,
        "processor": describe_environment()["machine"]["processor"],
        "gpu": None if device.type == "cpu" else torch.cuda.get_device_name(device),
    }
    inputs = {"embedding": speech, "detection": marked_audio(marker_on(cpu), speech, message)}
    for operation, once in _passes(marker_on(cpu), message, cpu):
        row[f"{operation}_parameters"] = parameters(once, inputs[operation][0], state)
        operations = [flops(once, audio) for audio in inputs[operation]]
        row[f"{operation}_gflops_per_second"] = statistics.fmean(operations) / seconds / 1e9
        row[f"{operation}_cpu_real_time_factor"] = time_of_pass(once, inputs[operation]) / seconds
    if device.type != "cpu":
        for operation, once in _passes(marker_on(device), message, device):
            row[f"{operation}_gpu_real_time_factor"] = time_of_pass(once, inputs[operation].to(device)) / seconds
    write_text(destination, json.dumps(row, indent=1, sort_keys=True) + "\n")


def _passes(marker: Marker, message: str, device: torch.device) -> Iterator[tuple[str, Pass]]:
    """Embedding and detection by name, each as a function of audio (1, samples)."""
    bits = _bits(message, device)
    yield "embedding", lambda audio: marker.watermark(audio, bits)
    yield "detection", marker.detect


def _bits(message: str, device: torch.device) -> torch.Tensor | None:
    import torch

    return torch.tensor([int(bit) for bit in message], device=device) if message else None


def marked_audio(marker: Marker, speech: torch.Tensor, message: str) -> torch.Tensor:
    """Return marked utterances, the inputs of a detector.

    Args:
        marker: on the CPU.
        speech: (utterances, 1, samples).
        message: text of 0 and 1; empty for a watermark without payload.

    Returns:
        (utterances, 1, samples).
    """
    import torch

    bits = _bits(message, torch.device("cpu"))
    with torch.no_grad():
        return torch.stack([audio + marker.watermark(audio, bits) for audio in speech])


def flops(once: Pass, audio: torch.Tensor) -> int:
    """Return the floating-point operations of the matrix products and convolutions of one pass.

    PyTorch's counter is used: a multiplication and an addition are two operations; Fourier transforms and element-wise
    operations are not counted.

    Args:
        once: function of audio.
        audio: (1, samples).
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # oneDNN's recurrent layers are opaque to the counter; without oneDNN they are matrix products.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        once(audio)
    return int(counter.get_total_flops())


def parameters(once: Pass, audio: torch.Tensor, state: Mapping[str, torch.Tensor]) -> int:
    """Return the number of weights that one pass uses, as a generator and a detector may share some.

    Weights are identified by their values, as a marker may hold copies under other names and with axes of length 1.

    Args:
        once: function of audio.
        audio: (1, samples).
        state: weights of generator and detector.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    names_by_shape: dict[torch.Size, set[str]] = {}
    for name, weight in state.items():
        names_by_shape.setdefault(weight.squeeze().shape, set()).add(name)
    used: dict[int, str] = {}

    def record(tensor: torch.Tensor) -> None:
        """Match one name to each memory address, as several biases may be all 0."""
        if tensor.data_ptr() not in used:
            squeezed = tensor.squeeze()
            candidates = names_by_shape.get(squeezed.shape, set()) - set(used.values())
            matches = (name for name in sorted(candidates) if torch.equal(squeezed, state[name].squeeze().to(squeezed)))
            if (name := next(matches, None)) is not None:
                used[tensor.data_ptr()] = name

    class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            for leaf in tree_leaves((args, kwargs)):
                if isinstance(leaf, torch.Tensor):
                    record(leaf)
            return function(*args, **(kwargs or {}))

    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), Recorder():  # type: ignore[no-untyped-call]
        once(audio)
    return sum(state[name].numel() for name in used.values())


def time_of_pass(once: Pass, speech: torch.Tensor) -> float:
    """Return the median time of a pass in seconds, over repeated passes of each utterance.

    On a CPU it is processor time, which other processes do not lengthen: on one idle core it equals wall-clock time.

    Args:
        once: function of audio (1, samples).
        speech: (utterances, 1, samples).
    """
    import torch

    clock = time.perf_counter if speech.is_cuda else time.process_time

    def timed(audio: torch.Tensor) -> float:
        start = clock()
        once(audio)
        if audio.is_cuda:
            torch.cuda.synchronize()
        return clock() - start

    with torch.inference_mode():
        once(speech[0])  # warm-up: the first pass prepares state that later ones reuse
        return statistics.median(timed(audio) for _ in range(REPETITIONS) for audio in speech)
