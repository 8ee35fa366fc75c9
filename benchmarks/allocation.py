"""Networks' passes with memory that stays the job's own, and with memory that goes back to the kernel at once.

``python benchmarks/allocation.py [--rounds 3]``: processes of one thread, by turns; noise, on which time does not
depend. Processor time of a clip, the least of the rounds, and the process's largest memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context

import torch

from sanguinaria.core import plugins
from sanguinaria.core.memory_allocator import retain_freed_memory
from sanguinaria.nn.supervised_training import predict
from sanguinaria.purifiers._diffusion.network import DiffWave
from sanguinaria.victims import Victim

CPU = torch.device("cpu")
CLIPS = 64


def diffwave() -> Callable[[], object]:
    """A step of a small purifier: 16 clips of two seconds at once."""
    network, clips, times = DiffWave(layers=10, channels=16, cycle=10), torch.randn(CLIPS, 32_000), torch.ones(16)
    return lambda: [network(batch, times) for batch in clips.split(16)]


def victim(**settings: object) -> Callable[[], object]:
    """A function that computes the predictions of clips of one second."""
    plugin = plugins.build("victims", settings)
    assert isinstance(plugin, Victim)
    network, clips = plugin.network(10).eval(), torch.randn(CLIPS, *plugin.front_end.dummy_input_shape)
    return lambda: predict(network, clips, CPU)


PASSES: dict[str, Callable[[], Callable[[], object]]] = {
    "DiffWave, 10 layers of 16 channels": diffwave,
    "SincNet, 16 filters": lambda: victim(kind="sincnet", filters=16, channels=24, window=1600, hop=1600),
    "ECAPA-TDNN, 64 channels": lambda: victim(kind="ecapa_tdnn", channels=64, embedding=96),
    "ResNet-18, width 16": lambda: victim(kind="resnet18", width=16),
}


def measured(name: str, kept: bool) -> tuple[float, int]:
    """Milliseconds for a clip, and MiB at most."""
    torch.set_num_threads(1)
    if kept and not retain_freed_memory():
        raise SystemExit("this machine's C library cannot keep what is freed")
    with torch.inference_mode():
        work = PASSES[name]()
        work()
        start = time.process_time()
        work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return 1000 * (time.process_time() - start) / CLIPS, memory


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| pass | given back, ms/clip | kept | ratio | given back, MiB | kept |\n|---|---|---|---|---|---|")
    for name in PASSES:
        results: dict[bool, list[tuple[float, int]]] = {False: [], True: []}
        for _ in range(rounds):
            for kept in results:
                with get_context("spawn").Pool(1) as process:
                    results[kept].append(process.apply(measured, (name, kept)))
        (back, back_memory), (kept_time, kept_memory) = min(results[False]), min(results[True])
        ratio = back / kept_time
        print(f"| {name} | {back:.2f} | {kept_time:.2f} | **{ratio:.2f}** | {back_memory} | {kept_memory} |")


if __name__ == "__main__":
    main()
