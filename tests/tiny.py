"""Copies of the project with the tiny configuration, in which files may be edited and the workflow run."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "config", "rules", "workflow_scripts", "sanguinaria", "profiles", "envs")
TARGETS = ("tiny", "tiny_marked", "tiny_curves")
FORMS = ("csv", "metrics.csv", "differences.csv", "runs.csv", "md", "tex")
OUTPUTS = (
    *(
        f"tables/tiny.{form}"
        for form in (
            "csv",
            "metrics.csv",
            "differences.csv",
            "runs.csv",
            "md",
            "tex",
            "comparison.csv",
            "comparison.md",
        )
    ),
    *(f"tables/tiny_marked.{form}" for form in ("csv", "metrics.csv", "differences.csv", "runs.csv", "md", "tex")),
    *(f"figures/tiny_curves.{form}" for form in ("svg", "png", "csv")),
)


def checkout(folder: Path) -> Path:
    """A copy of the project, without results."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    shutil.copy(ROOT / "tests" / "data" / "tiny.yaml", folder / "tiny.yaml")
    return folder


def smaller(folder: Path, seeds: Sequence[int]) -> Path:
    """A checkout in which one model is trained for each seed, for a moment, on a corpus of one shard."""
    settings = yaml.safe_load((folder / "tiny.yaml").read_text())
    settings["corpora"]["tiny"] |= {"shards": 1, "voices": 12}
    settings["victims"]["small"]["epochs"] = 3
    settings["experiments"] = {"tiny_marked": settings["experiments"]["tiny_marked"] | {"seeds": list(seeds)}}
    del settings["figures"]
    (folder / "tiny.yaml").write_text(yaml.safe_dump(settings))
    return folder


def clone(finished: Path, folder: Path, *leave: str) -> Path:
    """A copy of a finished checkout without some of its parts; its results are the same files, not copies of them."""
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("results", "__pycache__", *leave))
    shutil.copytree(finished / "results", folder / "results", copy_function=os.link)
    return folder


def command(
    *arguments: str, cores: int = 2, targets: Sequence[str] = TARGETS, overlays: Sequence[str] = ("tiny.yaml",)
) -> list[str]:
    snakemake = Path(sys.executable).with_name("snakemake")
    return [str(snakemake), "--cores", str(cores), *arguments, "--configfile", *overlays, "--", *targets]


def run(
    folder: Path,
    *arguments: str,
    cores: int = 2,
    targets: Sequence[str] = TARGETS,
    overlays: Sequence[str] = ("tiny.yaml",),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run the tiny experiments and return what was printed; a failure shows it all."""
    called = command(*arguments, cores=cores, targets=targets, overlays=overlays)
    variables = {**os.environ, **environment}
    process = subprocess.run(called, cwd=folder, env=variables, capture_output=True, text=True, timeout=1800)
    printed = process.stdout + process.stderr
    assert process.returncode == 0, printed
    return printed


def code_blocks(page: str, language: str) -> list[tuple[str, str]]:
    """Titles and texts of the code blocks of a page of docs/, also of those that are indented below a numbered step."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(rf'^( *)```{language}(?: title="([^"]+)")?\n(.*?)^\1```$', text, re.DOTALL | re.MULTILINE)
    return [(title, textwrap.dedent(block)) for _, title, block in blocks]


def follow_guide(folder: Path, page: str) -> list[str]:
    """Write the plug-in files of a guide into a checkout; the names of the files."""
    files = code_blocks(page, "python")
    for name, text in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return [name for name, _ in files]


def pending(folder: Path, targets: Sequence[str] = TARGETS, overlays: Sequence[str] = ("tiny.yaml",)) -> Counter[str]:
    """The jobs of a dry run, each as "rule name", where *name* is that of its result without the hash."""
    jobs: Counter[str] = Counter()
    rule = ""
    for line in run(folder, "-n", targets=targets, overlays=overlays).splitlines():
        if match := re.match(r"(?:local)?rule (\w+):", line):
            rule = match[1]
        elif match := re.match(r"\s+output: results/\w+/([\w-]+?)(-[0-9a-f]{12})?[/.,]", line):
            jobs[f"{rule} {match[1]}"] += 1
    return jobs
