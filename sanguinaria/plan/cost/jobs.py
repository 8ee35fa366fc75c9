"""Numbers of jobs: of a stage, and of the shards that its audio is in."""

from __future__ import annotations

from math import ceil

from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.stages.attacks import TRIALS_OF_A_SHARD
from sanguinaria.plan.stages.stage import SHARDS_OF_A_PART

# Jobs that list or summarise, by the folder of the results, and the names of their logs.
BOOKKEEPING = {"corpora": 2, "datasets": 1}
BOOKKEEPING_LOGS = ("recordings", "index", "description")
# The audio of stages that write rows, of which one job takes several shards.
ROWS_OF = {
    "detections": "audio_stage",
    "embeddings": "audio_stage",
    "probe_quality": "audio_stage",
    "quality": "triggered",
    "readings": "audio_stage",
    "texts": "audio_stage",
}


def working_jobs(stage: Specification) -> int:
    """Return the number of jobs that share the work of a stage equally."""
    kind = stage["stage"]
    if kind in ROWS_OF:
        return ceil(shards(stage[ROWS_OF[kind]]) / SHARDS_OF_A_PART)
    if kind == "scores":
        return ceil(shards(stage["clean"]["audio_stage"]) / SHARDS_OF_A_PART)
    if kind == "features":
        return shards(stage["audio_stage"])
    if kind == "datasets":
        return shards(stage["poisoned"]["corpus"])
    is_audio = kind in ("corpora", "triggered", "marked", "attacked") or (kind == "defended" and "audio_stage" in stage)
    return shards(stage) if is_audio else 1


def bookkeeping_jobs(stage: Specification) -> int:
    """Return the number of the other jobs of a stage, which list or summarise."""
    return BOOKKEEPING.get(stage["stage"], 0)


def shards(audio: Specification) -> int:
    """Return the number of utterance tables of an audio stage."""
    match audio["stage"]:
        case "corpora":
            number: int = audio["corpus"]["shards"]
            return number
        case "triggered":
            return shards(audio["corpus"]) if audio["block"] is None else 1
        case "attacked":
            trials: int = audio["trials"]["trials"]["count"]
            return ceil(trials / TRIALS_OF_A_SHARD)
    return shards(audio["audio_stage"])
