"""Passes of watermarks, purifiers and distortions over audio, which several kinds of stages make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from sanguinaria.plan.cost.networks import gmac, is_counted
from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.cost.work.parts import BATCH, Part, Work, network_part, precision_of


def marking(stage: str, watermark: Specification, seconds: float, count: float, detection: bool = False) -> Work:
    """Return the work of embedding a watermark or of its detection.

    Args:
        stage: by which the work is named.
        watermark: nested specification of the watermark.
        seconds: of audio.
        count: of utterances.
        detection: whether the watermark is detected.

    Returns:
        Reading and writing the audio, and the passes of the watermark.
    """
    kind = f"{stage}/{watermark['watermark']['kind']}"
    rate = f"watermarks/{watermark['watermark']['kind']}"
    size = marking_gmac(watermark, detection)
    parts = [Part(rate=f"{stage}/audio", units=seconds)]
    if size:
        precision = precision_of(watermark["watermark"])
        parts.append(network_part(rate, size, seconds, passes=ceil(count / BATCH), precision=precision))
    else:
        parts.append(Part(rate=f"{rate}/audio", units=seconds))
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def marking_gmac(watermark: Specification, detection: bool) -> float:
    """Return 10⁹ multiply-accumulates of embedding or detection for a second of audio.

    A network that is not its own plug-in's is that of the watermark that it is trained from.
    """
    settings, base = watermark["watermark"], watermark["base"]
    own = gmac("watermarks", settings, detection)
    if base is not None and (not own or not is_counted("watermarks", settings["kind"])):
        return marking_gmac(base, detection)
    return own


def purification(purifier: Mapping[str, Any], defence: Mapping[str, Any], seconds: float, count: float) -> Part:
    """Return the work of purifying audio.

    Args:
        purifier: its settings.
        defence: settings of the purification.
        seconds: of audio.
        count: of utterances.
    """
    steps = reverse_steps(purifier, defence)
    return network_part(
        f"purifiers/{purifier['kind']}",
        gmac("purifiers", purifier),
        steps * seconds,
        passes=steps * ceil(count / BATCH),
        precision=precision_of(purifier),
    )


def reverse_steps(purifier: Mapping[str, Any], defence: Mapping[str, Any]) -> int:
    """Return the number of reverse steps of a purification, each of which is one pass of the purifier's network."""
    from sanguinaria.core import plugins

    if not defence["reverse"]:
        return 0
    default = getattr(plugins.find("purifiers", purifier["kind"]), "default_sampling", None)
    steps, start = defence["steps"], defence["start"]
    if steps == "default" and default is not None:
        steps, start = default.steps, start or default.start
    return start or (purifier["diffusion_steps"] if isinstance(steps, str) else len(steps))


def distorting(distortions: Sequence[Mapping[str, Any]], seconds: float) -> list[Part]:
    """Return the work of distorting audio in training, by each of some distortions in turn."""
    kinds = [distortion["settings"]["kind"] for distortion in distortions]
    return [Part(rate=f"distortions/{kind}", units=seconds / len(kinds)) for kind in kinds]
