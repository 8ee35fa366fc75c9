"""Plug-ins are found by the names of their files and folders, and rule names agree with the workflow."""

import re
from pathlib import Path

import pytest

from sanguinaria.core.plugins import build, describe, find, kinds
from sanguinaria.plan.configuration import ROOMS, RULES
from sanguinaria.watermarks.audioseal import AudioSeal

ROOT = Path(__file__).parents[2]


def test_the_names_of_rules_are_those_of_the_workflow():
    sources = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    rules = {name for path in sources for name in re.findall(r"^\s*(?:rule|checkpoint) (\w+):", path.read_text(), re.M)}
    assert rules == RULES


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_and_package_of_a_room_is_a_plug_in(room: str):
    folder = ROOT / "sanguinaria" / room
    names = [path.stem for path in folder.glob("[!_]*.py")] + [
        path.parent.name for path in folder.glob("[!_]*/__init__.py")
    ]
    assert kinds(room) == tuple(sorted(names))
    assert all(find(room, kind).room == room for kind in kinds(room))


def test_settings_round_trip():
    plugin = AudioSeal(source="random", bits=8, seed=3)
    assert build("watermarks", describe(plugin)) == plugin
    with pytest.raises(KeyError):
        find("watermarks", "ultrasonic")
