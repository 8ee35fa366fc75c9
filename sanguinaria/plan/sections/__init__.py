"""The sections of a configuration: rooms of plug-ins, and targets, each of which is a Snakemake target by its name."""

from __future__ import annotations

from sanguinaria.core.plugins import Settings
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.reports.figure_settings import Figure

ROOMS = (
    *("corpora", "watermarks", "conversions", "triggers", "victims", "distortions"),
    *("texts", "embedders", "purifiers", "defences", "adversaries", "metrics"),
)

# The sections whose entries are targets.
TARGETS: dict[str, type[Settings]] = {
    "experiments": Experiment,
    "benchmarks": Benchmark,
    "verifications": Verification,
    "figures": Figure,
    "spectrograms": Spectrograms,
}

# The fields of targets that list entries of a room, and that room.
ENTRY_LISTS = {room: room for room in ("watermarks", "triggers", "victims", "distortions", "defences", "metrics")} | {
    "test_triggers": "triggers",
    "covers": "triggers",
    "encoders": "victims",
    "attacks": "adversaries",
}
