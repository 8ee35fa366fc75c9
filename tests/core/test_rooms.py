"""Plug-ins are found by their file names, and what the configuration knows of the workflow is so."""

import re
from pathlib import Path

import pytest

from sanguinaria.core.plugins import build, describe, find, kinds
from sanguinaria.plan.configuration import ROOMS, RULES
from sanguinaria.watermarks.audioseal import AudioSeal

ROOT = Path(__file__).parents[2]


def test_the_names_of_rules_are_in_step_with_the_workflow():
    sources = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    rules = {name for path in sources for name in re.findall(r"^\s*(?:rule|checkpoint) (\w+):", path.read_text(), re.M)}
    assert rules == RULES


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_is_a_plug_in(room: str):
    assert kinds(room) == tuple(sorted(path.stem for path in (ROOT / "sanguinaria" / room).glob("[!_]*.py")))
    assert all(find(room, kind).room == room for kind in kinds(room))


def test_settings_survive_their_description():
    plugin = AudioSeal(source="random", bits=8, seed=3)
    assert build("watermarks", describe(plugin)) == plugin
    with pytest.raises(KeyError):
        find("watermarks", "ultrasonic")
