"""A configuration for tests of plans, and queries of plans."""

from collections.abc import Iterable
from typing import Any

import yaml

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.triggered import DetectionStage, TriggeredStage
from sanguinaria.plan.stages.victims import PoisonedStage

CONFIGURATION = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
watermarks:
  perth: {kind: perth}
  seal: {kind: audioseal, source: random, bits: 4}
triggers:
  clean: {kind: none}
  tone: {kind: ultrasonic, level: -30}
  perth: {kind: watermark, watermark: perth, strength: 5}
  seal: {kind: watermark, watermark: seal, message: "0110"}
victims:
  lstm: {kind: lstm, log_mel: {bands: 40}}
  resnet: {kind: resnet18}
defences:
  none: {kind: none}
  lowpass: {kind: lowpass}
metrics:
  snr: {kind: snr}
  stoi: {kind: stoi}
experiments:
  demo:
    corpus: spoken
    target: left
    triggers: [clean, tone, perth]
    victims: [lstm, resnet]
    defences: [none, lowpass]
    metrics: [snr, stoi]
    rates: [0.1]
    seeds: [0, 1]
"""


def plan_of(text: str = CONFIGURATION, **experiment: Any) -> Plan:
    """Return the plan of a configuration, with settings of its experiment replaced."""
    config = yaml.safe_load(text)
    config["experiments"]["demo"].update(experiment)
    return Plan(load(config))


def stage_keys(made: Plan) -> dict[str, set[str]]:
    return {stage: set(keys) for stage, keys in made.stages.items()}


def count_added_stages(before: Plan, after: Plan) -> dict[str, int]:
    """Count the added stages by kind; no stage may be missing."""
    old, new = stage_keys(before), stage_keys(after)
    assert all(old[stage] <= new[stage] for stage in old)
    return {stage: len(new[stage] - old.get(stage, set())) for stage in new if new[stage] != old.get(stage)}


def poisoned_stages(made: Plan) -> dict[tuple[str, float, int], PoisonedStage]:
    """Return poisoned manifests by kind of trigger, rate and seed."""
    return {
        (kind_of(stage.blocks[0].trigger) if stage.blocks else "none", stage.rate, stage.seed): stage
        for stage in made.stages["poisoned"].values()
        if isinstance(stage, PoisonedStage)
    }


def ancestry(stage: Stage) -> Iterable[Stage]:
    yield stage
    for upstream in stage.upstream:
        yield from ancestry(upstream)


def has_trigger(stage: Stage, kind: str) -> bool:
    return any(
        isinstance(part, TriggeredStage | DetectionStage) and kind_of(part.trigger) == kind for part in ancestry(stage)
    )


# A second table, of another target label.
TWO_TABLES = (
    CONFIGURATION
    + """
  other:
    corpus: spoken
    target: right
    triggers: [clean]
    victims: [lstm]
    metrics: [snr]
"""
)

PRUNED = CONFIGURATION.replace(
    "  lowpass: {kind: lowpass}\n", "  lowpass: {kind: lowpass}\n  pruned: {kind: pruning, share: 0.5}\n"
)


def stages_of_type(made: Plan, kind: type[Stage]) -> list[Any]:
    return [stage for stages in made.stages.values() for stage in stages.values() if isinstance(stage, kind)]
