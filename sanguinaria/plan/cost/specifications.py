"""Specifications with those of all that they depend on nested in them, of planned stages and of stored results.

A stage's own specification names its upstream by key. The work of a stage depends on its upstream, too: on the number
of utterances of a corpus, or on the network of an encoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core.paths import RESULTS
from sanguinaria.plan.stages.stage import Stage

Specification = Mapping[str, Any]

# The name of a result's folder ends in its identity.
KEY = re.compile(r"[\w-]+-[0-9a-f]{12}")

# By key; a key names the same content for good.
_OF_STAGES: dict[str, Specification] = {}


def of_stage(stage: Stage) -> Specification:
    """Return the specification of a planned stage, with its upstream's and its own ``key`` in it.

    Args:
        stage: of a plan.
    """
    if stage.key not in _OF_STAGES:
        upstream = {each.key: each for each in stage.upstream}
        _OF_STAGES[stage.key] = nest(stage.specification, stage.key, lambda key: of_stage(upstream[key]))
    return _OF_STAGES[stage.key]


def of_job(specification: str, key: str, results: Path = RESULTS) -> Specification:
    """Return the specification of a job, with those of the results that it reads, from their folders.

    Args:
        specification: canonical JSON.
        key: of the result.
        results: the results folder.

    Raises:
        LookupError: a result was restored without its specification.
    """

    def stored(upstream: str) -> Specification:
        path = next(results.glob(f"*/{upstream}/spec.json"), None)
        if path is None:
            raise LookupError(f"no specification of {upstream} in {results}")
        return of_job(path.read_text(encoding="utf-8"), upstream, results)

    return nest(specification, key, stored)


def nest(specification: str, key: str, upstream: Callable[[str], Specification]) -> Specification:
    """Return a specification with each key in it replaced by what ``upstream`` returns for the key.

    Args:
        specification: canonical JSON.
        key: of its result.
        upstream: from a key to a nested specification.

    >>> audio = json.dumps({"stage": "features", "audio_stage": "sc10-0123456789ab"})
    >>> nest(audio, "features-ab0123456789", lambda key: {"stage": "corpora"})["audio_stage"]
    {'stage': 'corpora'}
    """

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(item) for item in value]
        return upstream(value) if isinstance(value, str) and KEY.fullmatch(value) else value

    return {"key": key, **{name: resolved(value) for name, value in json.loads(specification).items()}}
