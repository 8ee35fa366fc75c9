"""Generated files are up to date, and the JSON schema accepts the same configurations as the models."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import kinds
from sanguinaria.plan.configuration import load
from sanguinaria.plan.schema import schema
from sanguinaria.plan.sections import ROOMS
from sanguinaria.workflow import generated_files

ROOT = Path(__file__).parents[2]
CONFIGURATION = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
PANEL = {"x": "rate", "y": "attack_success_rate"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8")))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The project's configuration with another value at a dotted path."""
    config = copy.deepcopy(CONFIGURATION)
    *parents, last = path.split(".")
    section = config
    for part in parents:
        section = section[part]
    section[last] = value
    return config


@pytest.mark.parametrize("path", sorted(generated_files.files()), ids=lambda path: path.name)
def test_the_tracked_file_is_up_to_date(path: Path):
    assert path.read_text(encoding="utf-8") == generated_files.files()[path], "out of date: run `make schema`"


def test_generation_is_deterministic():
    assert generated_files.files() == generated_files.files()
    assert {path.relative_to(ROOT).as_posix() for path in generated_files.files()} == {
        "config/schema.json",
        "envs/sanguinaria.post-deploy.sh",
        "envs/sanguinaria.yaml",
    }


def test_the_schema_is_valid():
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_the_schema_has_every_kind_of_every_room():
    definitions = schema()["$defs"]
    for room in ROOMS:
        choices = schema()["properties"][room]["additionalProperties"]["oneOf"]
        bodies = [definitions[choice["$ref"].rpartition("/")[2]] for choice in choices]
        assert [body["properties"]["kind"]["const"] for body in bodies] == list(kinds(room))
        assert all("kind" in body["required"] for body in bodies)
        assert all(body["additionalProperties"] is False for body in bodies)


@pytest.mark.parametrize("name", ["config.yaml", "config/real.yaml"])
def test_the_configurations_of_the_project_are_accepted(validator: Draft202012Validator, name: str):
    configuration = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(configuration)] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("triggers.ultrasonic", {"kind": "ultrasonic", "level": -30, "position": "end"}),
        ("victims.lstm", {"kind": "lstm", "log_mel": {"bands": 40}}),
        ("corpora.words", {"kind": "speech_commands", "words": ["yes", "no"]}),
        ("corpora.words", {"kind": "speech_commands", "words": "sc30"}),
        ("experiments.demo.rates", [1, 0.5, 1e-6]),
        ("experiments.demo.seeds", [3]),
        ("experiments.demo.quality_utterances", None),
        ("experiments.demo.corpus", ["synthetic"]),
        ("experiments.demo.comparison", {"paper": "bloodroot", "table": "1", "stands_for": {"perth": "bloodroot"}}),
        ("metrics.snr", {"kind": "snr", "stealthy": 20}),
        ("defences.pruned", {"kind": "pruning", "share": 0.5}),
        ("defences.hissed", {"kind": "distortion", "distortion": "random_noise", "seed": 3}),
        ("distortions.hiss", {"kind": "noise", "colour": "pink", "snr": 20}),
        ("distortions.room", {"kind": "rerecording", "dimensions": [4, 3, 2.5]}),
        (
            "figures",
            {"curves": {"experiment": "demo", "panels": [PANEL | {"where": {"rate": [0.01, 1], "victim": "v"}}]}},
        ),
        ("figures", {"curves": {"experiment": "demo", "panels": [PANEL], "series": {"ours": {"trigger": ["perth"]}}}}),
        ("benchmarks.watermark_benchmark.marks", [2, 1]),
        ("benchmarks.watermark_benchmark.validation_utterances", None),
        ("benchmarks.watermark_benchmark.comparison", {"paper": "wake", "table": "2"}),
    ],
)
def test_valid_settings_are_accepted_by_schema_and_models(validator: Draft202012Validator, place: str, value: Any):
    configuration = changed(place, value)
    assert [error.message for error in validator.iter_errors(configuration)] == []
    assert list(load(configuration).experiments) == list(configuration["experiments"])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("trigers", {}),
        ("triggers", []),
        ("triggers.ultrasonic", {"level": -30}),
        ("triggers.ultrasonic.kind", "ultrasonik"),
        ("triggers.ultrasonic.levle", -30),
        ("triggers.ultrasonic.level", 3),
        ("triggers.perth.watermark", 3),
        ("triggers.perth.message", "10a1"),
        ("victims.lstm.log_mel", {"bandz": 40}),
        ("experiments.demo.rates", [1.5]),
        ("experiments.demo.rates", [0]),
        ("experiments.demo.rates", []),
        ("experiments.demo.seeds", [-1]),
        ("experiments.demo.seeds", [0.5]),
        ("experiments.demo.target", False),
        ("experiments.demo.triggers", "clean"),
        ("experiments.demo.labels", ["flp"]),
        ("experiments.demo.labels", []),
        ("experiments.demo.rate", [0.1]),
        ("experiments.demo.corpus", []),
        ("experiments.demo.corpus", [3]),
        ("experiments.demo.comparison", {"paper": "bloodroot"}),
        ("experiments.demo.comparison", {"paper": "bloodroot", "table": "1", "tabel": "1"}),
        ("metrics.snr.stealthy", "loud"),
        ("defences.lowpass", {"kind": "pruning", "share": 1}),
        ("defences.lowpass", {"kind": "distortion", "distortion": {"kind": "noise", "snr": 20}}),
        ("distortions.echo.delay", 0),
        ("distortions.mp3_64.format", "mp4"),
        ("figures", []),
        ("figures", {"curves": {"panels": [PANEL]}}),
        ("figures", {"curves": {"experiment": "demo", "panels": []}}),
        ("figures", {"curves": {"experiment": "demo", "panels": [PANEL] * 7}}),
        ("figures", {"curves": {"experiment": "demo", "panels": [PANEL | {"where": {"victim": {"v": 1}}}]}}),
        ("experiments.demo", {"corpus": "synthetic"}),
        ("experiments.demo", None),
        ("benchmarks.watermark_benchmark.marks", [3]),
        ("benchmarks.watermark_benchmark.distortions", []),
        ("benchmarks.watermark_benchmark.keys", {"perth": ["a", "b"]}),
        ("benchmarks.watermark_benchmark.false_positive_rate", 1),
        ("benchmarks.watermark_benchmark", {"corpus": "synthetic", "watermarks": ["perth"]}),
    ],
)
def test_invalid_settings_are_refused_by_schema_and_models(validator: Draft202012Validator, place: str, value: Any):
    config = changed(place, value)
    errors = [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(config)]
    assert errors
    assert all(place.startswith(error) or error.startswith(place) for error in errors)
    with pytest.raises(InputError, match="The configuration has"):
        load(config)
