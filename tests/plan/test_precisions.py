"""At the paper's scale, every network states an arithmetic that a GPU computes fast."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from configured import merged

from sanguinaria.plan.configuration import load

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "config" / "paper.yaml"
ROOMS = ("watermarks", "conversions", "texts", "embedders", "purifiers", "adversaries", "victims", "defences")
# Kinds of entries that state none, and why.
WITHOUT = {
    "dither_modulation": "it has no network",
    "wavmark": "published weights, whose message lies in the phases of a spectrum",
    "freevc": "published weights; a hundredth of the training utterances is converted, once",
    "qwen_audio": "it computes in the number format of its files, bfloat16",
    "deberta_v3": "each text is embedded once",
    "purification": "it computes in the precision of its purifier",
}


def stated(settings: dict[str, Any]) -> set[str]:
    """The precisions of an entry."""
    return {value for name, value in settings.items() if name.endswith("precision")}


def entries() -> list[tuple[str, str, dict[str, Any]]]:
    """Room, name and merged settings of the overlay's entries that may be networks."""
    configuration = merged(ROOT / "config.yaml", OVERLAY)
    return [
        (room, name, configuration[room][name])
        for room, section in yaml.safe_load(OVERLAY.read_text()).items()
        if room in ROOMS
        for name in section
    ]


@pytest.mark.parametrize(("room", "name", "settings"), entries(), ids=lambda value: value if type(value) is str else "")
def test_networks_state_a_fast_arithmetic(room, name, settings):
    if settings["kind"] in WITHOUT:
        assert not stated(settings)
    else:
        assert stated(settings) and stated(settings) <= {"bfloat16", "tfloat32"}, f"{room}: {name} states no precision"


def test_attacks_state_it_even_where_the_overlay_does_not_name_them():
    configuration = load(merged(ROOT / "config.yaml", OVERLAY))
    attacks = [entry for entry in configuration.entries["adversaries"].values() if entry.attacks_encoder]
    assert len(attacks) >= 4 and {attack.precision for attack in attacks} == {"tfloat32"}


def test_no_exception_is_out_of_date():
    assert {settings["kind"] for _, _, settings in entries()} >= WITHOUT.keys()
