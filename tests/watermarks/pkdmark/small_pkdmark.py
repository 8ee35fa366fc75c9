"""A teacher and a student that are small enough to be trained in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toy_speech import RATE

from sanguinaria.core import plugins
from sanguinaria.core.plugins import as_settings
from sanguinaria.distortions import Distortion
from sanguinaria.watermarks._pkdmark.marker import SyncMarker
from sanguinaria.watermarks._pkdmark.network import PkdNetwork
from sanguinaria.watermarks._pkdmark.settings import PkdSettings
from sanguinaria.watermarks.pkdmark import Pkdmark
from sanguinaria.watermarks.pkdmark.distillation import StudentSchedule
from sanguinaria.watermarks.pkdmark.network import student_of
from sanguinaria.watermarks.pkdmark_teacher import PkdmarkTeacher

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[3]
SPLITS = ["train", "train", "test", "validation"] * 3
TINY = {"sample_rate": RATE, "fft": 256, "hop": 128, "first_bin": 4, "bins": 12, "blocks": 3, "channels": 4}
SHORT = {"corpus": "c", "bits": 6, "sync": "101", "sync_required": 3, "batch_size": 2, "learning_rate": 1e-3}


def entry(kind: str, **settings: Any) -> Distortion:
    distortion = plugins.build("distortions", {"kind": kind, **settings})
    assert isinstance(distortion, Distortion)
    return distortion


DISTORTIONS = (as_settings(entry("none")), as_settings(entry("noise", snr=30.0)))


def teacher(**settings: Any) -> PkdmarkTeacher:
    return PkdmarkTeacher(**TINY | SHORT | {"steps": 2, "layout": "conv1d", "distortions": DISTORTIONS} | settings)


def student(base: PkdmarkTeacher | None = None, **settings: Any) -> Pkdmark:
    small = {
        "base": as_settings(base or teacher()),
        "blocks": 2,
        "channels": 2,
        "progressive_steps": 2,
        "joint_steps": 1,
        "distortions": DISTORTIONS,
    }
    return Pkdmark(**SHORT | small | settings)


def seeded(make: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def untrained(plugin: PkdSettings) -> dict[str, torch.Tensor]:
    if isinstance(plugin, PkdmarkTeacher):
        return {f"network.{name}": tensor for name, tensor in seeded(plugin.network).state_dict().items()}
    assert isinstance(plugin, Pkdmark)
    network = seeded(plugins.resolve(plugin.base).network)  # type: ignore[attr-defined]
    parts = {"student": seeded(lambda: student_of(network, plugin.blocks, plugin.channels)), "decoder": network}
    return {f"{part}.{name}": tensor for part, net in parts.items() for name, tensor in net.state_dict().items()}


def marker(plugin: PkdSettings, rate: int = RATE) -> SyncMarker:
    loaded = plugin.load(untrained(plugin), rate, CPU)
    assert isinstance(loaded, SyncMarker)
    return loaded


def message(bits: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (bits,), generator=torch.Generator().manual_seed(seed))


def paper_size(blocks: int, channels: int, **settings: Any) -> PkdNetwork:
    with torch.device("meta"):
        return PkdmarkTeacher(corpus="c", blocks=blocks, channels=channels, **settings).network()


def student_schedule(**settings: Any) -> StudentSchedule:
    usual = {"steps": 50_000, "batch_size": 16, "crop": 24_000, "learning_rate": 1e-3, "window": 0, "seed": 0}
    return StudentSchedule(
        **usual | {"distillation": "progressive", "progressive_steps": 40_000, "ratio": None} | settings
    )


BOTH = pytest.mark.parametrize("plugin", [teacher(), student()], ids=["teacher", "student"])
