"""Products: what a configuration asks for. Each becomes a target by its own name."""

from __future__ import annotations

from sanguinaria.plugins import Settings
from sanguinaria.products.benchmark import Benchmark
from sanguinaria.products.experiment import Experiment
from sanguinaria.products.figure import Figure
from sanguinaria.products.spectrograms import Spectrograms
from sanguinaria.products.verification import Verification

# Fields of products that list entries, and of which room.
LISTS = {room: room for room in ("watermarks", "triggers", "victims", "distortions", "defences", "metrics")} | {
    "heard": "triggers",
    "covers": "triggers",
    "encoders": "victims",
    "attacks": "adversaries",
}

# What becomes a target by its own name.
PRODUCTS: dict[str, type[Settings]] = {
    "experiments": Experiment,
    "benchmarks": Benchmark,
    "verifications": Verification,
    "figures": Figure,
    "spectrograms": Spectrograms,
}
