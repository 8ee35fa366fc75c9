"""The command ``cost``."""

import csv
import io
import subprocess
import sys

import pytest
from tiny import ROOT

from sanguinaria.__main__ import main
from sanguinaria.core.errors import InputError
from sanguinaria.workflow.commands import cost


@pytest.fixture(autouse=True)
def checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, str]]:
    cost.main([*arguments, "--format", "csv"])
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    return {next(iter(row.values())): row for row in printed}


def test_a_line_is_a_target_or_a_rule(capsys):
    by_table = rows(capsys, "demo", "watermark_benchmark")
    by_rule = rows(capsys, "demo", "watermark_benchmark", "--by", "rule")
    assert {"demo", "watermark_benchmark", "total"} <= set(by_table)
    assert {"corpora", "victims", "scores", "total"} <= set(by_rule)
    assert by_table["total"]["gpu_hours"] == by_rule["total"]["gpu_hours"]


def test_without_a_gpu_all_hours_are_of_cores(capsys):
    cpu, gpu = (rows(capsys, "demo", "--device", device)["total"] for device in ("cpu", "a100"))
    assert float(cpu["gpu_hours"]) == 0 < float(gpu["gpu_hours"])
    assert float(cpu["cpu_hours"]) > float(gpu["cpu_hours"])


def test_overlays_are_merged(capsys):
    base, paper = (
        rows(capsys, "watermark_benchmark", *overlay)["total"]
        for overlay in ((), ("--configfile", "config/paper.yaml"))
    )
    assert float(paper["gpu_hours"]) > 10 * float(base["gpu_hours"])


def test_downloads_are_listed(capsys):
    cost.main(["bloodroot_table1", "--configfile", "config/real.yaml"])
    assert "| Speech Commands v0.02 (test set) | 0.11 | downloaded |" in capsys.readouterr().out


def test_a_misspelt_target_has_a_suggestion():
    with pytest.raises(InputError, match="unknown target 'demos'; did you mean 'demo'"):
        cost.main(["demos"])


def test_a_misspelt_command_has_a_suggestion():
    with pytest.raises(SystemExit, match="unknown command 'costs'; did you mean 'cost'"):
        main(["costs", "demo"])


def test_the_process_loads_neither_torch_nor_snakemake():
    code = "import sys; from sanguinaria.__main__ import main; main(['cost', 'demo']); print(sorted(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = printed.splitlines()[-1]
    assert "'yaml'" in loaded
    assert all(f"'{name}'" not in loaded for name in ("torch", "snakemake", "pandas", "transformers"))
