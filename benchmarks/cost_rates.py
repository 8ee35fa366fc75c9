"""Measure the stated rates of the command ``cost`` on one core: units of work in a second of the processor.

    python benchmarks/cost_rates.py [--seconds 2] [ROOM …]

Each plug-in with its default settings processes synthesised speech for some seconds of the processor, as often as fits.
The table has its rate beside the one that ``sanguinaria/plan/cost/rates.csv`` states. Plug-ins that need files of the
user, published weights, or a trained network are left out, and named.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from sanguinaria.core import plugins
from sanguinaria.corpora import Recording
from sanguinaria.metrics import Pair, Unscorable
from sanguinaria.plan.cost.networks import gmac, is_counted
from sanguinaria.plan.cost.rates import rate

SAMPLE_RATE = 16_000
LABELS = 10
CPU = torch.device("cpu")
# The name of a rate, and what is timed: it returns the units of one call.
Case = tuple[str, Callable[[], float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("rate", "measured", "stated", "unit", "quotient")
    omitted = []
    for room in arguments.rooms or ROOMS:
        for kind in plugins.kinds(room):
            try:
                for name, once in ROOMS[room](kind):
                    measured, stated = units_per_second(once, arguments.seconds), rate(name)
                    quotient = measured / stated.cpu_rate
                    table.add_row(name, f"{measured:.4g}", f"{stated.cpu_rate:g}", stated.unit, f"{quotient:.2f}")
            except Exception as error:  # needs what is not here
                omitted.append(f"{room}/{kind} ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
    Console(width=120).print(table)
    print("Left out:", *omitted, sep="\n  ")


def units_per_second(once: Callable[[], float], seconds: float) -> float:
    """Units of work in a second of the processor, after a first call that is not counted."""
    once()
    units, start = 0.0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        units += once()
    return units / spent


@cache
def speech(utterances: int, seconds: float = 1.0) -> torch.Tensor:
    """Synthesised words, (utterances, samples)."""
    corpus = plugins.find("corpora", "synthetic")()
    words = [corpus.read(recording.source)[0][:, 0] for recording in corpus.recordings()[:20]]
    rows = np.resize(np.concatenate(words), (utterances, round(seconds * SAMPLE_RATE)))
    return torch.from_numpy(rows.astype(np.float32))


def victims(kind: str) -> Iterator[Case]:
    victim = plugins.find("victims", kind)(**({"width": 16} if kind in ("vgg19", "wide_resnet50", "resnet18") else {}))
    network = victim.network(LABELS)
    inputs = victim.front_end.transform(SAMPLE_RATE, CPU)(speech(16)).float()
    labels = torch.arange(16) % LABELS
    size = gmac("victims", plugins.describe(victim))

    def step() -> float:
        network.zero_grad()
        victim.loss(network(inputs), labels).backward()
        return 3 * 16 * size

    yield f"victims/{kind}", step


def purifiers(kind: str) -> Iterator[Case]:
    reduced = {"layers": 6, "channels": 64, "corpus": "none", "dilation_cycle": 6}
    settings = reduced | ({"distortions": ["none"]} if kind == "tdap" else {})
    purifier = plugins.find("purifiers", kind)(**settings)
    network = purifier.network()
    waveforms, steps = speech(4), torch.ones(4)
    size = gmac("purifiers", plugins.describe(purifier))

    def step() -> float:
        network.zero_grad()
        network(waveforms, waveforms, steps).square().mean().backward()
        return 3 * 4 * size

    yield f"purifiers/{kind}", step


def front_ends(kind: str) -> Iterator[Case]:
    transform = plugins.find("front_ends", kind)().transform(SAMPLE_RATE, CPU)
    waveforms = speech(64)
    yield f"features/{kind}", lambda: float(len(transform(waveforms)))


def distortions(kind: str) -> Iterator[Case]:
    settings = {
        "codec": {"format": "mp3", "bit_rate": 64},
        "filter": {"below": 4000},
        "gain": {"factor": 0.9},
        "noise": {"snr": 20},
        "resampling": {"rate": 8000},
        "speed": {"factor": 0.9},
        "pitch": {"factor": 1.1},
        "echo": {"delay": 0.1, "gain": 0.3},
        "reverberation": {"rt60": 0.2},
        "quantisation": {"bits": 9},
        "median": {"window": 3},
        "smoothing": {"window": 3},
        "gaussian": {"deviation": 2.0},
        "shush": {"share": 0.001},
        "cropping": {"kept_share": 0.8},
        "time_shift": {"minimum": -0.05, "maximum": 0.05},
    }
    distortion = plugins.find("distortions", kind)(**settings.get(kind, {}))
    waveforms, generator = speech(32), torch.Generator().manual_seed(0)
    yield f"distortions/{kind}", lambda: float(len(distortion.apply(waveforms, SAMPLE_RATE, generator)))


def metrics(kind: str) -> Iterator[Case]:
    metric = plugins.find("metrics", kind)()
    reference = speech(4, 2.0)
    degraded = reference + 0.001 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(1))
    pairs = [
        Pair(
            reference=clean.numpy(),
            degraded=changed.numpy(),
            sample_rate=SAMPLE_RATE,
            label="yes",
            labels=["no", "yes"],
        )
        for clean, changed in zip(reference, degraded, strict=True)
    ]

    def score() -> float:
        for pair in pairs:
            with suppress(Unscorable):
                metric.score_pair(pair)
        return sum(len(pair.degraded) for pair in pairs) / SAMPLE_RATE

    yield f"metrics/{kind}", score


def triggers(kind: str) -> Iterator[Case]:
    trigger = plugins.find("triggers", kind)()
    embed = trigger.embedder(SAMPLE_RATE, CPU, None)
    waveforms = speech(32)
    yield f"triggered/{kind}", lambda: float(len(embed(waveforms)))


def conversions(kind: str) -> Iterator[Case]:
    target = speech(1, 4.0)[0].numpy().astype(np.float32)
    convert = plugins.find("conversions", kind)().converter(target, SAMPLE_RATE, CPU)
    waveforms = speech(2)
    rate_name = f"conversions/{kind}"
    if not is_counted("conversions", kind):
        yield rate_name, lambda: float(len(convert(waveforms)))


def corpora(kind: str) -> Iterator[Case]:
    corpus = plugins.find("corpora", kind)()
    recordings: list[Recording] = corpus.recordings()[:16]

    def read() -> float:
        return sum(bool(len(corpus.read(recording.source)[0])) for recording in recordings) * corpus.duration

    yield f"corpora/{kind}", read


def texts(kind: str) -> Iterator[Case]:
    extract = plugins.find("texts", kind)().extractor(SAMPLE_RATE, CPU)
    waveforms = speech(8)
    yield f"texts/{kind}", lambda: float(len(extract(waveforms, ["yes"] * 8)))


ROOMS: dict[str, Callable[[str], Iterator[Case]]] = {
    "victims": victims,
    "purifiers": purifiers,
    "front_ends": front_ends,
    "distortions": distortions,
    "metrics": metrics,
    "triggers": triggers,
    "conversions": conversions,
    "corpora": corpora,
    "texts": texts,
}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
