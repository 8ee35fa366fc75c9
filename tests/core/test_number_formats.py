"""The number format of networks in bfloat16 is found without torch, and is part of identities."""

import pytest
import torch
import yaml

from sanguinaria.core import number_formats
from sanguinaria.core.devices import compute_dtype
from sanguinaria.core.errors import InputError
from sanguinaria.core.number_formats import VARIABLE, number_format
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.parse import code_hash
from tests.plan.test_fingerprint import CONFIGURATION, ROOT


def test_it_is_the_one_that_torch_computes_in():
    computed = compute_dtype("bfloat16", torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    assert f"torch.{number_format({})}" == str(computed)


@pytest.mark.parametrize(
    ("flags", "supported"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512bw avx512vl avx512dq", True),
        ("flags\t\t: fpu avx2 fma", False),
        ("Features\t: fp asimd bf16", True),
        ("", False),
    ],
)
def test_processors_by_their_flags(tmp_path, flags, supported):
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\n{flags}\n")
    assert number_formats._has_cpu_flags(file) is supported
    assert not number_formats._has_cpu_flags(tmp_path / "absent")


def test_a_variable_states_it_for_other_machines():
    assert number_format({VARIABLE: "float32"}) == "float32"
    assert number_format({VARIABLE: "bfloat16"}) == "bfloat16"
    with pytest.raises(InputError, match="SANGUINARIA_NUMBER_FORMAT=half: it is bfloat16 or float32"):
        number_format({VARIABLE: "half"})


def victims(monkeypatch, number_format: str, precision: str) -> set[str]:
    monkeypatch.setenv(VARIABLE, number_format)
    config = yaml.safe_load(CONFIGURATION)
    config["victims"]["lstm"]["precision"] = precision
    plan = Plan(load(config), code_hash(ROOT / "workflow_scripts"))
    return {key for key in plan.stages["victims"] if key.startswith("lstm")}


def test_models_in_bfloat16_are_others_where_it_is_replaced_and_those_in_float32_are_the_same(monkeypatch):
    formats = ("bfloat16", "float32")
    replaced, kept = (
        [victims(monkeypatch, number_format, precision) for number_format in formats]
        for precision in ("bfloat16", "float32")
    )
    assert replaced[0].isdisjoint(replaced[1]) and kept[0] == kept[1]
