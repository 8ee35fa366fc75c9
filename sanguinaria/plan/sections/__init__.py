"""Products: what a configuration asks for. Each becomes a target by its own name."""

from __future__ import annotations

from sanguinaria.core.plugins import Settings
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.reports.figure_settings import Figure

# Fields of products that list entries, and of which room.
LISTS = {room: room for room in ("watermarks", "triggers", "victims", "distortions", "defences", "metrics")} | {
    "test_triggers": "triggers",
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
