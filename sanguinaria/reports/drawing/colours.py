"""One colour per trigger, the same in every figure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

# Okabe and Ito (2008), "Color Universal Design", without yellow, which is faint on white; then three of Tol's "muted"
# scheme (2021, SRON/EPS/TN/09-002), those that stay distinct from the former in all kinds of colour blindness.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#332288", "#999933")
# A model that nothing is hidden from.
BASELINE = "#000000"
# Triggers that meet in a figure; one whose name goes on after an underscore, such as `notch_shallow`, is of the family.
FAMILIES = {
    "clean": BASELINE,
    "bloodroot": "#0072B2",
    "bloodroot_ft": "#D55E00",
    "ultrasonic": "#009E73",
    "notch": "#CC79A7",
    "jingleback": "#E69F00",
    "pbsm": "#56B4E9",
    "perth": "#882255",
    "badnets": "#332288",
    "converted": "#999933",
    "converted_world": "#CC79A7",
}


def trigger_colours(names: Iterable[str]) -> dict[str, str]:
    """Assign each trigger of a figure its colour: its family's, or else one that follows from its name alone.

    Other entries of the configuration, and their order, change no colour. Two triggers of a figure whose names lead to
    one colour are the exception: the later one in the alphabet takes the next colour that fewest of the figure have.

    >>> trigger_colours(["notch", "bloodroot"])
    {'bloodroot': '#0072B2', 'notch': '#CC79A7'}

    Args:
        names: of triggers.

    Returns:
        The colour of each name, as `#RRGGBB`, by the sorted names.
    """
    ordered = sorted(set(names))
    families = {name: family for name in ordered if (family := _of_family(name))}
    uses = Counter(families.values())
    colours = dict(families)
    for name in ordered:
        if name not in families:
            start = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(PALETTE)
            colours[name] = min((*PALETTE[start:], *PALETTE[:start]), key=uses.__getitem__)
            uses[colours[name]] += 1
    return {name: colours[name] for name in ordered}


def assign_colours(names: Sequence[str]) -> dict[str, str]:
    """Assign each name a colour: its family's, or else the one that fewest names before it have.

    A name that is added behind the others changes no colour of theirs.

    >>> assign_colours(["notch", "mine"])
    {'notch': '#CC79A7', 'mine': '#0072B2'}

    Args:
        names: of series.

    Returns:
        The colour of each name, as `#RRGGBB`.
    """
    colours: dict[str, str] = {}
    uses: Counter[str] = Counter()
    for name in dict.fromkeys(names):
        # The first of equals, by the order of the palette.
        colours[name] = _of_family(name) or min(PALETTE, key=uses.__getitem__)
        uses[colours[name]] += 1
    return colours


def _of_family(name: str) -> str | None:
    """The colour of the longest family name that the name begins with."""
    families = [family for family in FAMILIES if f"{name}_".startswith(f"{family}_")]
    return FAMILIES[max(families, key=len)] if families else None
