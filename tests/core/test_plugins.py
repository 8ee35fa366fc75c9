"""Plug-ins are found by the names of their files and folders, and rule names agree with the workflow."""

import re
from pathlib import Path

import pytest

from sanguinaria.core.plugins import build, describe, find, kinds
from sanguinaria.plan.rules import rule_names
from sanguinaria.plan.sections import ROOMS
from sanguinaria.watermarks.audioseal import AudioSeal

ROOT = Path(__file__).parents[2]


def test_rule_names_agree_with_the_workflow_and_its_scripts():
    sources = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    bodies = [body for path in sources for body in re.split(r"^(?=\s*rule )", path.read_text(), flags=re.M)[1:]]
    rules = {}
    for body in bodies:
        if name := re.match(r"\s*rule (\w+):", body):
            script = re.search(r'"\.\./workflow_scripts/(\w+)\.py"', body)
            rules[name[1]] = script and script[1]
    assert rules.pop("all") is None
    assert rules == {name: name for name in rule_names()}
    assert set(rules) == {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")}


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
