"""Names and shapes of the weights in state dicts, compared with those that a network expects."""

from __future__ import annotations

from collections.abc import Mapping

Shapes = dict[str, tuple[int, ...]]


def shapes(state: Mapping[str, object]) -> Shapes:
    """Return the shape of each weight of a state dict; () for a value that is no tensor.

    >>> import numpy
    >>> shapes({"layer.weight": numpy.zeros((4, 2)), "epoch": 3})
    {'layer.weight': (4, 2), 'epoch': ()}
    """
    return {name: tuple(getattr(weight, "shape", ())) for name, weight in state.items()}


def mismatches(weights: Mapping[str, object], expected: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Compare the names and shapes of weights with those that are expected.

    Args:
        weights: a state dict.
        expected: the shape of each weight, as :func:`shapes` gives it of a network's own state dict.

    Returns:
        A description of each weight that is absent, of another shape, or not expected, with both shapes: first in the
        order of ``expected``, which is the order of the layers, then the unexpected ones by name.

    >>> import numpy
    >>> mismatches({"bias": numpy.zeros(3), "extra": numpy.zeros(1)}, {"weight": (4, 2), "bias": (4,)})
    ['weight is absent, not (4, 2)', 'bias is (3,), not (4,)', 'extra is (1,), not expected']
    """
    actual = shapes(weights)
    return [
        f"{name} is {actual.get(name, 'absent')}, not {expected.get(name, 'expected')}"
        for name in [*expected, *sorted(actual.keys() - expected.keys())]
        if actual.get(name) != expected.get(name)
    ]


def mismatch(weights: Mapping[str, object], expected: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return the first of :func:`mismatches`; ``None`` where all names and shapes agree.

    >>> import numpy
    >>> mismatch({"bias": numpy.zeros(3)}, {"bias": (4,)})
    'bias is (3,), not (4,)'
    >>> mismatch({"bias": numpy.zeros(4)}, {"bias": (4,)}) is None
    True
    """
    return next(iter(mismatches(weights, expected)), None)
