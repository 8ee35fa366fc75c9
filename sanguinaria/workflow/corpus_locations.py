"""Places of the user's recordings, which are in no specification, so that moved recordings make no result anew.

The main process writes them at the start of a run, and the jobs of corpora read them.
"""

from __future__ import annotations

import json

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.paths import LOCATIONS
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.workflow.located_corpus import known_places


def write(plan: Plan) -> None:
    """Write the places of the corpora that were expanded, beside those of earlier runs, which may be under way.

    Args:
        plan: of the run.
    """
    places = known_places()
    for name in plan.tables_of_stages:
        kind, _, key = name.partition("/")
        stage = plan.planned(kind, key)
        if isinstance(stage, CorpusStage) and stage.corpus.locations:
            places[key] = stage.corpus.model_dump(mode="json", include=set(stage.corpus.locations))
    write_text(LOCATIONS, json.dumps(places, indent=1))
