"""The corpus of a job, with the places of the user's recordings, which are in no specification.

Apart from what writes them, which knows the plan: the code of a job is part of its result's identity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import LOCATIONS, RESULTS
from sanguinaria.corpora import Corpus


def located_corpus(specification: Mapping[str, Any], output: Path) -> Corpus:
    """Return the corpus of a job, with the places of its recordings.

    Args:
        specification: of the job.
        output: a file of the job, which is below ``results/corpora/KEY/``.

    Raises:
        InputError: the places are not known.
    """
    from pydantic import ValidationError

    from sanguinaria.core import plugins

    key = output.relative_to(RESULTS).parts[1]
    try:
        corpus = plugins.build("corpora", {**specification["corpus"], **known_places().get(key, {})})
    except ValidationError as error:
        raise InputError(f"{LOCATIONS}: has no place of the recordings of {key}; run again") from error
    assert isinstance(corpus, Corpus)
    return corpus


def known_places() -> dict[str, dict[str, Any]]:
    """Return the places by the key of the corpus; none where the file is absent or damaged."""
    try:
        content = json.loads(LOCATIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
