"""Submissions to a cluster: jobs one by one and in groups, and the start of Snakemake in one of them.

``python benchmarks/submissions.py``, in the project's folder. Targets of ``config/real.yaml`` are planned, not run.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from sanguinaria.plan.stages.stage import RowStage
from sanguinaria.workflow import plan_index
from sanguinaria.workflow.parse import build_plan

TARGETS = ("bloodroot_table1", "purified_triggers", "tdap_table1", "watermark_benchmark", "fake_the_real_table1")
OVERLAY = Path("config/real.yaml")
# Rules that run where Snakemake was started; the target itself is another.
LOCAL = ("corpus_recordings",)


def snakemake(folder: Path, *options: str) -> tuple[str, float]:
    """The output of a dry run of Snakemake, and its processor time in seconds."""
    base = folder / "config.yaml"
    if not base.exists():
        base.symlink_to(Path("config.yaml").resolve())
    command = [sys.executable, "-m", "snakemake", "-n", "--directory", folder, "--configfile", OVERLAY.resolve()]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    called = subprocess.run([*command, *options], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if called.returncode:
        raise SystemExit(called.stdout + called.stderr)
    return called.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def grouping() -> list[str]:
    """Options with the sizes of groups of the Slurm profile."""
    sizes = yaml.safe_load(Path("profiles/slurm/config.yaml").read_text())["group-components"]
    return ["--group-components", *(f"{device}={size}" for device, size in sizes.items())]


def submissions(printed: str, target: str) -> int:
    """Groups, and jobs in no group, but for local ones."""
    alone = re.findall(r"^rule (\w+):", printed, re.MULTILINE)
    groups = re.findall(r"Group job \S+ \(jobs", printed)
    return len(groups) + sum(rule not in (*LOCAL, target) for rule in alone)


def parse_time(folder: Path, target: str) -> float:
    """Processor time in seconds of the Snakemake that runs a job of the target in a submission."""
    config = load_configfile("config.yaml")
    update_config(config, load_configfile(str(OVERLAY)))
    plan = build_plan(config, [OVERLAY, Path("config.yaml")], Path("workflow_scripts"))
    plan.expand([target])
    kept = folder / ".snakemake" / "sanguinaria"
    kept.mkdir(parents=True, exist_ok=True)
    plan_index.write(plan, kept / "plan.json")
    rows = next(iter(plan.tables[target].reduced))
    job = f"{rows.rules[0]}:{rows.wildcard}={rows.key}" + (",part=0" if isinstance(rows, RowStage) else "")
    options = ["--mode", "remote", "--force", "--nolock", "--quiet", "all", "--target-jobs", job]
    return snakemake(folder, *options, "--allowed-rules", rows.rules[0])[1]


def main() -> None:
    """Print one table."""
    print("| target | jobs | submissions, one by one | in groups | ratio | Snakemake in a submission, s of a core |")
    print("|---|---|---|---|---|---|")
    for target in TARGETS:
        with tempfile.TemporaryDirectory() as name:
            apart, _ = snakemake(Path(name), "--", target)
            together, _ = snakemake(Path(name), *grouping(), "--", target)
            parse = parse_time(Path(name), target)
        jobs = len(re.findall(r"^rule ", apart, re.MULTILINE))
        before, after = submissions(apart, target), submissions(together, target)
        print(f"| {target} | {jobs} | {before} | {after} | **{before / after:.1f}** | {parse:.1f} |", flush=True)


if __name__ == "__main__":
    main()
