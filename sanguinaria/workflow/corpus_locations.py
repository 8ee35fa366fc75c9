"""Places of the user's recordings, which are in no specification, so that moved recordings make no result anew.

The main process writes them at the start of a run, and the jobs of corpora read them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import LOCATIONS, RESULTS
from sanguinaria.corpora import Corpus

if TYPE_CHECKING:
    from sanguinaria.plan.plan import Plan


def write(plan: Plan) -> None:
    """Write the places of the corpora that were expanded, beside those of earlier runs, which may be under way.

    Args:
        plan: of the run.
    """
    from sanguinaria.plan.stages.corpora import CorpusStage

    places = _read()
    for name in plan.tables_of_stages:
        kind, _, key = name.partition("/")
        stage = plan.planned(kind, key)
        if isinstance(stage, CorpusStage) and stage.corpus.locations:
            places[key] = stage.corpus.model_dump(mode="json", include=set(stage.corpus.locations))
    write_text(LOCATIONS, json.dumps(places, indent=1))


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
        corpus = plugins.build("corpora", {**specification["corpus"], **_read().get(key, {})})
    except ValidationError as error:
        raise InputError(f"{LOCATIONS}: has no place of the recordings of {key}; run again") from error
    assert isinstance(corpus, Corpus)
    return corpus


def _read() -> dict[str, dict[str, Any]]:
    """The places by the key of the corpus; none where the file is absent or damaged."""
    try:
        content = json.loads(LOCATIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
