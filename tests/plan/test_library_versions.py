"""A changed version of a library is a changed experiment, for the stages that compute with it and for no others."""

from importlib.metadata import version

import pytest
import yaml

from sanguinaria.plan import code_hash as hashing
from sanguinaria.plan.configuration import load
from sanguinaria.plan.library_versions import ABSENT, is_library, library_version
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.parse import code_hash
from tests.plan.test_fingerprint import CONFIGURATION, ROOT


def keys(monkeypatch, **changed: str) -> dict[str, set[str]]:
    """The identities of all stages by kind, where libraries have other versions."""
    monkeypatch.setattr(hashing, "library_version", lambda name: changed.get(name, library_version(name)))
    plan = Plan(load(yaml.safe_load(CONFIGURATION)), code_hash(ROOT / "workflow_scripts"))
    return {stage: set(stages) for stage, stages in plan.stages.items()}


def test_another_version_of_a_library_changes_what_computes_with_it(monkeypatch):
    before, pystoi = keys(monkeypatch), keys(monkeypatch, pystoi="9.9.9")
    assert {stage for stage in before if before[stage] != pystoi[stage]} == {"quality"}
    # STOI of three triggers; SNR is computed without it.
    assert len(before["quality"] - pystoi["quality"]) == 3
    torch = keys(monkeypatch, torch="9.9.9")
    assert all(before[stage].isdisjoint(torch[stage]) for stage in ("victims", "features", "scores", "watermarks"))


@pytest.mark.parametrize("carrier", ["snakemake", "pyarrow", "rich"])
def test_libraries_that_carry_files_and_messages_change_nothing(monkeypatch, carrier):
    assert keys(monkeypatch) == keys(monkeypatch, **{carrier: "9.9.9"})


def test_versions_are_those_that_are_installed_without_their_build():
    assert library_version("torch") == version("torch").split("+")[0]
    assert library_version("perth") == version("resemble-perth")
    assert library_version("no_such_library_anywhere") == ABSENT


def test_modules_of_this_package_and_of_python_are_no_libraries():
    assert not any(map(is_library, ("sanguinaria", "json", "sys", "yaml")))
    assert is_library("torch") and is_library("a_plug_in_s_own_library")
