"""What marking and detecting cost: parameters, floating-point operations and time, for one utterance after another.

Times are this machine's, on one core and, where there is one, on a GPU: the row names both.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.audio import utterances
from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.run_environment import describe_environment
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import message_of
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch

    Pass = Callable[[torch.Tensor], object]

# Utterances that are passed, and how often each is.
UTTERANCES = 5
REPETITIONS = 5


def measure_efficiency(
    weights: Path, secret: str | None, shards: Sequence[Path], destination: Path, device: torch.device
) -> None:
    """Write one row as JSON, for embedding and for detection each: ``parameters``, ``gflops_per_second`` (10⁹
    operations for each second of audio), ``cpu_real_time_factor`` and ``gpu_real_time_factor`` (seconds of computing
    for each second of audio, or ``null``); ``processor`` and ``gpu``; ``utterances``, their ``seconds``, and
    ``repetitions``.

    Args:
        weights: of generator and detector.
        secret: the key, where they have keys.
        shards: of the corpus, whose first test utterances are passed, one by one.
        destination: of the row.
        device: a GPU where it is to be measured, too.
    """
    import torch

    batch = next(batch for path in shards for batch in utterances.read(path, split="test"))
    speech = torch.from_numpy(batch.waveforms[:UTTERANCES, None])
    watermark, state = load_weights(weights)
    bits = watermark.message_bits
    message = message_of("efficiency", 0, 1, bits)

    def passes(where: torch.device) -> dict[str, Pass]:
        marker = watermark.load(state, batch.sample_rate, where, secret)
        sent = torch.tensor([int(bit) for bit in message], device=where) if bits else None
        return {"embedding": lambda audio: marker.watermark(audio, sent), "detection": marker.detect}

    seconds = speech.shape[-1] / batch.sample_rate
    row: dict[str, Any] = {
        "sample_rate": batch.sample_rate,
        "seconds": seconds,
        "utterances": len(speech),
        "repetitions": REPETITIONS,
        "processor": describe_environment()["machine"]["processor"],
        "gpu": None if device.type == "cpu" else torch.cuda.get_device_name(device),
    }
    heard = dict.fromkeys(("embedding", "detection"), speech)
    heard["detection"] = marked(watermark.load(state, batch.sample_rate, torch.device("cpu"), secret), speech, message)
    for what, once in passes(torch.device("cpu")).items():
        row[f"{what}_parameters"] = parameters(once, heard[what][0], state)
        operations = [flops(once, audio) for audio in heard[what]]
        row[f"{what}_gflops_per_second"] = statistics.fmean(operations) / seconds / 1e9
        row[f"{what}_cpu_real_time_factor"] = spent(once, heard[what]) / seconds
    for what, once in passes(device).items() if device.type != "cpu" else ():
        row[f"{what}_gpu_real_time_factor"] = spent(once, heard[what].to(device)) / seconds
    write_text(destination, json.dumps(row, indent=1, sort_keys=True) + "\n")


def marked(marker: Marker, speech: torch.Tensor, message: str) -> torch.Tensor:
    """What a detector meets, (utterances, 1, samples)."""
    import torch

    sent = torch.tensor([int(bit) for bit in message]) if message else None
    with torch.no_grad():
        return torch.stack([audio + marker.watermark(audio, sent) for audio in speech])


def flops(once: Pass, audio: torch.Tensor) -> int:
    """Floating-point operations of the matrix products and convolutions of one pass of audio (1, samples), by torch's
    counter: a product and a sum are two. It counts neither transforms nor what is done element by element."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # The counter does not look into oneDNN's recurrent layers; without it they are matrix products.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        once(audio)
    return int(counter.get_total_flops())


def parameters(once: Pass, audio: torch.Tensor, state: Mapping[str, torch.Tensor]) -> int:
    """How many of the weights one pass of audio (1, samples) computes with: a generator and a detector may share some.

    They are told by their values, as a marker may hold copies of them under other names and with axes of length 1.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    by_shape: dict[torch.Size, set[str]] = {}
    for name, weight in state.items():
        by_shape.setdefault(weight.squeeze().shape, set()).add(name)
    used: dict[int, str] = {}

    def note(tensor: torch.Tensor) -> None:
        """One name for each place in memory, as several biases may be 0."""
        if tensor.data_ptr() not in used:
            plain = tensor.squeeze()
            candidates = by_shape.get(plain.shape, set()) - set(used.values())
            found = (name for name in sorted(candidates) if torch.equal(plain, state[name].squeeze().to(plain)))
            if (name := next(found, None)) is not None:
                used[tensor.data_ptr()] = name

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            for leaf in tree_leaves((args, kwargs)):
                if isinstance(leaf, torch.Tensor):
                    note(leaf)
            return function(*args, **(kwargs or {}))

    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), Watch():  # type: ignore[no-untyped-call]
        once(audio)
    return sum(state[name].numel() for name in used.values())


def spent(once: Pass, speech: torch.Tensor) -> float:
    """Median seconds of a pass, over repeated passes of each of some utterances (utterances, 1, samples).

    On a CPU they are seconds of the processor, which other processes do not make longer: on one core, with nothing else
    to do, they are those of the clock.
    """
    import torch

    clock = time.perf_counter if speech.is_cuda else time.process_time

    def timed(audio: torch.Tensor) -> float:
        began = clock()
        once(audio)
        if audio.is_cuda:
            torch.cuda.synchronize()
        return clock() - began

    with torch.inference_mode():
        once(speech[0])  # the first pass prepares what later ones reuse
        return statistics.median(timed(audio) for _ in range(REPETITIONS) for audio in speech)
