"""Colours of triggers: the same in every figure, and distinct in every kind of colour vision."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sanguinaria.reports.drawing.colours import BASELINE, FAMILIES, PALETTE, assign_colours, trigger_colours

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision deficiency",
# severity 1, of linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, vision: str) -> np.ndarray:
    """CIELAB of an sRGB colour as it is seen."""
    encoded = np.array(to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(np.array(VISION[vision]) @ linear, 0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart(vision: str):
    """A difference of 2.3 is just noticeable (Mahy and others, 1994)."""
    distances = [
        np.linalg.norm(lab(one, vision) - lab(other, vision)) for one, other in combinations((*PALETTE, BASELINE), 2)
    ]
    assert min(distances) > 5 * 2.3


def test_a_name_that_is_added_at_the_end_changes_no_other():
    names = ["clean", "mine", "notch", "other", "notch_shallow", *(f"own_{number}" for number in range(12))]
    before = assign_colours(names)
    assert assign_colours([*names, "last"]) == {**before, "last": assign_colours([*names, "last"])["last"]}


def test_names_of_one_configuration_have_colours_of_their_own_until_all_are_taken():
    colours = assign_colours([f"own_{number}" for number in range(len(PALETTE))])
    assert sorted(colours.values()) == sorted(PALETTE)
    beside = assign_colours(["clean", "ultrasonic", "notch", "perth", "mine", "yours"])
    assert len(set(beside.values())) == 6


def test_strengths_of_a_trigger_have_its_colour_and_other_names_have_not():
    colours = assign_colours(["bloodroot_ft_loud", "bloodroot_quiet", "notches"])
    assert colours["bloodroot_ft_loud"] == FAMILIES["bloodroot_ft"]
    assert colours["bloodroot_quiet"] == FAMILIES["bloodroot"]
    assert colours["notches"] != FAMILIES["notch"]


def test_what_is_published_of_a_paper_is_distinct():
    """The triggers of Bloodroot's Figure 3 and of the demonstration."""
    for names in (["clean", "pbsm", "jingleback", "ultrasonic", "bloodroot", "bloodroot_ft", "notch"],):
        assert len({FAMILIES[name] for name in names}) == len(names)


def test_a_trigger_has_its_colour_whatever_others_there_are():
    alone = trigger_colours(["mine"])["mine"]
    assert alone in PALETTE
    beside = trigger_colours(["clean", "notch", "mine", "ultrasonic"])
    assert beside["mine"] == alone or alone in (FAMILIES["notch"], FAMILIES["ultrasonic"])
    assert trigger_colours(["ultrasonic", "mine", "notch", "clean"]) == beside


def test_triggers_of_one_figure_have_colours_of_their_own_until_all_are_taken():
    colours = trigger_colours([f"own_{number}" for number in range(len(PALETTE))])
    assert sorted(colours.values()) == sorted(PALETTE)
