"""Configuration files are merged as Snakemake merges them."""

import copy

import pytest
from snakemake.utils import update_config
from tiny import ROOT

from sanguinaria.core.errors import InputError
from sanguinaria.workflow.configuration_files import merged, read


@pytest.mark.parametrize("overlays", [("real",), ("paper",), ("real", "paper"), ("paper", "real")])
def test_overlays_are_merged_as_by_snakemake(overlays):
    files = [ROOT / "config.yaml", *(ROOT / "config" / f"{name}.yaml" for name in overlays)]
    expected: dict = {}
    for path in files:
        update_config(expected, copy.deepcopy(dict(read(path))))
    assert merged(files) == expected


def test_a_value_replaces_a_mapping_and_a_mapping_a_value(tmp_path):
    for name, text in (("a", "x: {y: 1}\nz: 2"), ("b", "x: 3\nz: {w: 4}")):
        (tmp_path / name).write_text(text)
    assert merged([tmp_path / "a", tmp_path / "b"]) == {"x": 3, "z": {"w": 4}}


@pytest.mark.parametrize(("content", "message"), [("a: [1", "cannot be read"), ("- a", "sections")])
def test_a_file_that_is_no_configuration_is_named(tmp_path, content, message):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(InputError, match=rf"mine\.yaml: .*{message}"):
        merged([tmp_path / "mine.yaml"])
