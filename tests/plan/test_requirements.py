"""Files of weights and poisoning rates are checked for the results that a run makes, and for no others."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from configured import merged, write
from plans import CONFIGURATION

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.requirements import check_requirements
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.victims import PoisonedStage

pytestmark = pytest.mark.usefixtures("working_folder")

ENTRIES: dict[str, Any] = {
    "conversions": {"published": {"kind": "freevc", "checkpoint": "freevc/freevc.pth"}},
    "triggers": {"voice": {"kind": "voice_conversion", "conversion": "published", "corpus": "spoken", "speaker": "0"}},
    "texts": {"heard": {"kind": "whisper", "path": "whisper-base"}, "said": {"kind": "qwen_audio", "path": "qwen"}},
    "embedders": {"deberta": {"kind": "deberta_v3", "path": "deberta"}},
    "purifiers": {
        "tdap": {"kind": "tdap", "corpus": "spoken", "text": "heard", "embedder": "deberta", "distortions": ["quiet"]}
    },
    "defences": {"purified": {"kind": "purification", "purifier": "tdap", "text": "said"}},
    "distortions": {"quiet": {"kind": "gain", "factor": 0.5}},
    "metrics": {"agreement": {"kind": "word_agreement", "whisper": "whisper-large"}},
}


def plan_of(**experiments: dict[str, Any]) -> Plan:
    """The plan of a configuration in a file with further entries and experiments."""
    settings = yaml.safe_load(CONFIGURATION)
    for room, entries in ENTRIES.items():
        settings[room] = {**settings.get(room, {}), **entries}
    base = settings["experiments"].pop("demo")
    settings["experiments"] = {name: {**base, **changes} for name, changes in experiments.items()}
    file = write("mine.yaml", yaml.safe_dump(settings, sort_keys=False))
    return Plan(load(merged(file), [file]))


def problems(plan: Plan, *targets: str) -> list[str]:
    """The messages of the error, each without its line's number."""
    with pytest.raises(InputError) as raised:
        check_requirements(plan, targets)
    heading, *lines = str(raised.value).splitlines()
    assert heading.startswith("The configuration has ") and heading.endswith("nothing was run.")
    return [line.partition(": ")[2] for line in lines]


def line_of(text: str) -> int:
    return 1 + next(
        number for number, line in enumerate(Path("mine.yaml").read_text().splitlines()) if line.strip() == text
    )


def test_missing_weights_of_a_conversion_are_named_with_the_line_of_their_entry() -> None:
    plan = plan_of(plain={}, converted={"triggers": ["clean", "voice"]})
    with pytest.raises(InputError) as raised:
        check_requirements(plan, ["converted"])
    lines = str(raised.value).splitlines()
    assert lines[0] == "The configuration has 3 problems; nothing was run."
    given = line_of("checkpoint: freevc/freevc.pth")
    assert f"  mine.yaml:{given}: conversions.published.checkpoint: no file 'freevc/freevc.pth': FreeVC's " in lines[-1]
    assert lines[-1].endswith("(freevc.pth) goes there, or give its path")
    assert [line.split(": ")[1] for line in lines[1:3]] == [
        "conversions.published.speaker_encoder",
        "conversions.published.wavlm",
    ]


def test_a_target_that_does_without_them_is_made() -> None:
    check_requirements(plan_of(plain={}, converted={"triggers": ["clean", "voice"]}), ["plain"])


def test_missing_models_of_texts_embedders_and_metrics() -> None:
    plan = plan_of(purified={"triggers": ["clean", "tone"], "defences": ["none", "purified"], "metrics": ["agreement"]})
    named = dict(line.split(": ", 1) for line in problems(plan, "purified"))
    assert set(named) == {"texts.heard.path", "texts.said.path", "embedders.deberta.path", "metrics.agreement.whisper"}
    assert named["texts.heard.path"] == (
        "whisper-base: no model here (config.json is absent); "
        "save openai/whisper-base there: hf download openai/whisper-base --local-dir whisper-base"
    )


def test_a_model_that_is_there_is_no_problem() -> None:
    plan = plan_of(agreeing={"triggers": ["clean", "tone"], "metrics": ["agreement"]})
    assert len(problems(plan, "agreeing")) == 1
    Path("whisper-large").mkdir()
    Path("whisper-large/config.json").write_text("{}")
    check_requirements(plan, ["agreeing"])


def test_a_finished_result_needs_no_weights() -> None:
    plan = plan_of(agreeing={"triggers": ["clean", "tone"], "metrics": ["agreement"]})
    for stage in plan.stages["quality"].values():
        for path in stage.row_files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    check_requirements(plan, ["agreeing"])


def counted(plan: Plan, train: int) -> None:
    """Write the reports of a plan's corpora, by which their training utterances are counted."""
    for stage in plan.stages["corpora"].values():
        assert isinstance(stage, CorpusStage)
        stage.index.parent.mkdir(parents=True, exist_ok=True)
        stage.index.with_name("report.json").write_text(json.dumps({"utterances": {"train": train, "test": 10}}))


def test_a_rate_that_poisons_none_of_the_counted_utterances() -> None:
    plan = plan_of(scarce={"rates": [0.1, 0.004]})
    check_requirements(plan, ["scarce"])  # nobody has counted them yet
    counted(plan, 100)
    assert problems(plan_of(scarce={"rates": [0.1, 0.004]}), "scarce") == [
        "experiments.scarce.rates[1]: a rate of 0.004 poisons none of 100 training utterances: "
        "use a rate of at least 0.01, or a larger corpus"
    ]


def test_a_manifest_that_is_there_is_no_problem() -> None:
    plan = plan_of(few={"rates": [0.003]})
    counted(plan, 90)
    assert len(problems(plan, "few")) == 1
    for stage in plan.stages["poisoned"].values():
        assert isinstance(stage, PoisonedStage)
        stage.manifest.parent.mkdir(parents=True, exist_ok=True)
        stage.manifest.touch()
    check_requirements(plan, ["few"])


def test_fewer_cover_samples_than_cover_triggers() -> None:
    settings = {"rates": [0.1], "covers": ["tone", "perth"], "cover_rate": 0.02, "triggers": ["seal"]}
    plan = plan_of(covered=settings)
    counted(plan, 60)
    assert problems(plan, "covered") == [
        "experiments.covered.cover_rate: a cover_rate of 0.02 makes 1 covers of 60 training utterances, "
        "fewer than the number of cover triggers (2): use a rate of at least 0.033"
    ]
