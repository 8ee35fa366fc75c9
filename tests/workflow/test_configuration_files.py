"""Configuration files are merged as Snakemake merges them."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config
from tiny import ROOT, checkout

from sanguinaria.__main__ import main
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


# By their bytes, and what the message says after the name of the file.
UNREADABLE = {
    "a tab": (b"experiments:\n  demo:\n\tcorpus: sc10\n", ":3: no YAML: indented by a tab: use spaces"),
    "an open list": (
        b"a: 1\nb: {seeds: [1}\n",
        ":2: no YAML: expected ',' or ']', but got '}' (while parsing a flow sequence of line 2)",
    ),
    "a text without its end": (b'a: 1\nb: "x\n', ":3: no YAML: found unexpected end of stream (while scanning a "),
    "Latin-1": (b"a: 1\n# caf\xe9\n", ":2: is not in UTF-8 (byte 0xe9): save the file in that encoding"),
    "UTF-16": ("a: 1\n".encode("utf-16"), ":1: is not in UTF-8 (byte 0xff)"),
    "nothing": (b"", ": is empty: write a section, such as `experiments:`, or leave the file out"),
    "a comment": (b"# to do\n", ": is empty"),
    "a list": (b"- a\n", ": is a list, and a configuration has sections, such as `experiments:`"),
    "a word": (b"demo\n", ": is 'demo', and a configuration has sections"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_no_configuration_is_named_with_its_line(tmp_path, kind):
    content, message = UNREADABLE[kind]
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        merged([path])
    assert str(raised.value).startswith(f"{path}{message}")
    assert len(str(raised.value).splitlines()) == 1
    with pytest.raises((WorkflowError, UnicodeDecodeError)):  # Snakemake itself reads none of them
        load_configfile(path)


def test_a_folder_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="is a folder, and a configuration is a file"):
        read(tmp_path)
    with pytest.raises(InputError, match="demo: no such file; targets come before --configfile"):
        read(tmp_path / "demo")


@pytest.mark.parametrize("content", [b'{"a":\t{"b": 1}}', b"\xef\xbb\xbfa: {b: 1}\n"])
def test_json_with_tabs_and_a_byte_order_mark(tmp_path, content):
    (tmp_path / "mine").write_bytes(content)
    assert read(tmp_path / "mine") == {"a": {"b": 1}}


def test_the_project_s_own_configuration_is_reported_by_snakemake_with_its_line(tmp_path):
    folder = checkout(tmp_path / "checkout")
    (folder / "config.yaml").write_text("experiments:\n\tdemo: {}\n")
    command = [Path(sys.executable).with_name("snakemake"), "-n", "demo"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 1
    assert "config.yaml:2: no YAML: indented by a tab: use spaces" in process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr


def test_the_command_check(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(ROOT)
    main(["check", "--configfile", "config/real.yaml"])
    assert capsys.readouterr().out.startswith("Sound: config.yaml, config/real.yaml, with ")
    main(["check", "demo"])
    assert capsys.readouterr().out == "Sound: config.yaml, and what demo needs is there.\n"
    bad = tmp_path / "mine.yaml"
    bad.write_text("experiments:\n  demo:\n    target: lft\n")
    with pytest.raises(SystemExit, match="mine.yaml:3: experiments.demo.target: unknown label 'lft'"):
        main(["check", "--configfile", str(bad)])
    with pytest.raises(SystemExit, match="unknown target 'dmo'; did you mean 'demo'?"):
        main(["check", "dmo"])


def test_the_command_check_of_targets_whose_weights_are_not_there(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        "metrics: {heard: {kind: word_agreement, whisper: none/such}}\nexperiments:\n  demo: {metrics: [heard]}\n"
    )
    main(["check", "--configfile", str(overlay)])
    with pytest.raises(SystemExit, match="mine.yaml:1: metrics.heard.whisper: none/such: no model here"):
        main(["check", "demo", "--configfile", str(overlay)])
