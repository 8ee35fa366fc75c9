"""Promises of the protocols, checked on a tiny batch before any job runs.

One harness for all rooms: it calls a plug-in as the jobs do, on four short waveforms, and checks that results keep to
the protocol of the room: shape, type, range and finite values; that an utterance's result depends neither on the other
utterances of its batch nor on their order; that two calls, and two objects of the same settings, give the same result,
whatever the state of the global random generators; and that inputs stay as they are.

What needs a training or a large model first is left to its job, where every batch is checked for shape, type, device,
range and finite values (:mod:`sanguinaria.core.plugin_promises`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sanguinaria.core.downloads import OFFLINE_VARIABLE, DownloadError
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import failure_of
from sanguinaria.core.plugins import Plugin
from sanguinaria.steps.promises import audio, data, models
from sanguinaria.steps.promises.probe import Probe, Unchecked

CHECKS: Mapping[str, Callable[[Any, Probe], None]] = MappingProxyType(
    {
        "triggers": audio.check_trigger,
        "conversions": audio.check_conversion,
        "defences": audio.check_defence,
        "distortions": audio.check_distortion,
        "watermarks": audio.check_watermark,
        "adversaries": audio.check_adversary,
        "front_ends": data.check_front_end,
        "texts": data.check_text,
        "embedders": data.check_embedder,
        "metrics": data.check_metric,
        "victims": models.check_victim,
    }
)
OFFLINE = (OFFLINE_VARIABLE, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
# Rooms without a check, and why.
LEFT_TO_JOBS: Mapping[str, str] = MappingProxyType(
    {"corpora": "the first job lists and reads its recordings", "purifiers": "it has to be trained first"}
)


def check_plugin(plugin: Plugin, sample_rate: int, num_samples: int) -> str:
    """Check a plug-in on a tiny batch.

    Args:
        plugin: with the settings of its entry.
        sample_rate: of the audio, in Hz.
        num_samples: of each utterance.

    Returns:
        Empty where it keeps its promises, else the reason why it is left to its job.

    Raises:
        InputError: it breaks a promise, or fails; the message names its file, and the line where it failed.
    """
    if plugin.room in LEFT_TO_JOBS:
        return LEFT_TO_JOBS[plugin.room]
    try:
        with _offline():
            CHECKS[plugin.room](plugin, Probe(sample_rate, num_samples))
    except Unchecked as reason:
        return str(reason)
    except DownloadError as error:
        return str(error)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(failure_of(plugin, error)) from error
    return ""


@contextmanager
def _offline() -> Iterator[None]:
    """Within it nothing is downloaded, here and by the clients of model hubs."""
    previous = {name: os.environ.get(name) for name in OFFLINE}
    os.environ.update(dict.fromkeys(OFFLINE, "1"))
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
