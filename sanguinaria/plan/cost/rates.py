"""Stated rates: how long a device takes for a unit of work.

``rates.csv`` has for each kind of work its unit, how many units a second one core computes, the share of a GPU's peak
that a network attains, the overheads for each pass of a network, and where they are from: measured by
``benchmarks/cost_rates.py`` on one core of an AMD EPYC without AVX-512, or estimated. ``devices.csv`` has the peaks of
GPUs in 10⁹ multiply-accumulates a second, half the operations of their data sheets. All rates of GPUs are estimates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sanguinaria.plan.cost.work import Part, Work

CPU = "cpu"
PRECISIONS = ("float32", "tfloat32", "bfloat16")
# Stands for GPUs that the table does not have, whose measured durations correct it.
REFERENCE_GPU = "a100"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A row of the table of rates.

    Attributes:
        unit: of the work.
        cpu_rate: units that one core computes in a second.
        cpu_pass_seconds: overhead of a pass of a network on one core.
        gpu_shares: by precision, the share of a GPU's peak; 0 for work that is done on the CPU.
        gpu_pass_seconds: overhead of a pass on a GPU.
        source: of the numbers.
    """

    unit: str
    cpu_rate: float
    cpu_pass_seconds: float
    gpu_shares: Mapping[str, float]
    gpu_pass_seconds: float
    source: str


def stated_seconds(work: Work, device: str = CPU) -> float:
    """Return the time that a stage's work takes by the stated rates, in seconds of one core or of a GPU.

    Args:
        work: of the stage.
        device: ``cpu``, or a GPU of :func:`devices`; any other GPU counts as :data:`REFERENCE_GPU`. Work that requests
            no GPU takes the CPU's time on any.
    """
    where = device if work.gpu else CPU
    return sum(_seconds(part, where) for part in work.parts)


def _seconds(part: Part, device: str) -> float:
    stated = rate(part.rate)
    share = stated.gpu_shares[part.precision]
    if device == CPU or not share:
        return part.units / stated.cpu_rate + part.passes * stated.cpu_pass_seconds
    peaks = _devices().get(device, _devices()[REFERENCE_GPU])
    return part.units / (share * peaks[part.precision]) + part.passes * stated.gpu_pass_seconds


def rate(name: str) -> Rate:
    """Return the rate of a name, or of its longest beginning that the table has.

    Raises:
        KeyError: the table has none of them.
    """
    rates = _rates()
    found = next((beginning for beginning in _beginnings(name) if beginning in rates), name)
    return rates[found]


def _beginnings(name: str) -> Iterator[str]:
    """A name, and the names without its last parts."""
    parts = name.split("/")
    return ("/".join(parts[:end]) for end in range(len(parts), 0, -1))


def devices() -> list[str]:
    """Return the names of the devices with stated rates."""
    return [CPU, *_devices()]


def device_name(marketed: str) -> str:
    """Return the short name of a GPU.

    >>> device_name("NVIDIA A100-SXM4-80GB"), device_name("NVIDIA GeForce RTX 4090")
    ('a100', 'rtx4090')
    """
    letters = "".join(character for character in marketed.lower() if character.isalnum())
    return next((name for name in _devices() if name in letters), letters)


@cache
def _rates() -> Mapping[str, Rate]:
    return {
        row["rate"]: Rate(
            unit=row["unit"],
            cpu_rate=float(row["cpu_rate"]),
            cpu_pass_seconds=float(row["cpu_pass_ms"] or 0) / 1000,
            gpu_shares={
                precision: float(row["gpu_float32" if precision == "float32" else "gpu_tensor"] or 0)
                for precision in PRECISIONS
            },
            gpu_pass_seconds=float(row["gpu_pass_ms"] or 0) / 1000,
            source=row["source"],
        )
        for row in _read("rates.csv")
    }


@cache
def _devices() -> Mapping[str, Mapping[str, float]]:
    return {
        row["device"]: {precision: float(row[precision]) for precision in PRECISIONS} for row in _read("devices.csv")
    }


def _read(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
