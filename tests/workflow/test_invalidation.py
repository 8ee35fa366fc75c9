"""Invalidation: an edit reruns exactly the stated jobs, in a dry run over the results of the tiny workflow."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from tiny import checkout, clone, pending, run

Edit = Callable[[Path], object]

# Two seeds; a rate of 5 % takes two blocks of the utterances that may be poisoned, up to 1 % and from there to 5 %. The
# corpus has two shards, and a block is one.
TONE_AUDIO = """
    2 triggered_test synthetic-ultrasonic-test
    4 triggered_block synthetic-ultrasonic-poison
    2 defended_audio lowpass
    2 features triggered-synthetic-ultrasonic-test
    4 features triggered-synthetic-ultrasonic-poison
    2 features defended-lowpass
    1 quality pesq-synthetic-ultrasonic-test
    1 quality stoi-synthetic-ultrasonic-test
    1 quality snr-synthetic-ultrasonic-test
"""
# Two models, undefended, pruned, and with the filter; a job scores clean and triggered audio.
TONE_SCORES = """
    2 scores resnet18-triggered-synthetic-ultrasonic-test
    2 scores pruning-triggered-synthetic-ultrasonic-test
    2 scores resnet18-defended-lowpass
"""
TONE_MODELS = """
    2 poisoned synthetic-flip
    2 victim resnet18
    2 defended_model pruning
"""
NOTCH_SCORES = TONE_SCORES.replace("ultrasonic", "notch")
CLEAN_SCORES = """
    2 scores resnet18-corpora-synthetic
    2 scores pruning-corpora-synthetic
    2 scores resnet18-defended-lowpass
"""
ALL_SCORES = TONE_SCORES + NOTCH_SCORES + CLEAN_SCORES + "1 scores resnet18-triggered-synthetic-watermark-test"
ALL_MODELS = "6 victim resnet18 \n 6 defended_model pruning"
TABLE = "1 table tiny \n 1 comparison tiny \n 1 figure tiny_curves"
TABLES = TABLE + "\n 1 table tiny_marked"
NOTHING = ""


def jobs(stated: str) -> Counter[str]:
    """Counts of jobs from lines of "count rule name"; counts of equal jobs add up."""
    counts: Counter[str] = Counter()
    for line in filter(None, map(str.strip, stated.splitlines())):
        count, job = line.split(" ", 1)
        counts[job] += int(count)
    return counts


def replace(file: str, before: str, after: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text()
        assert before in text
        write(folder / file, text.replace(before, after))

    return edit


def append(file: str, text: str) -> Edit:
    return lambda folder: write(folder / file, (folder / file).read_text() + text)


def change(edit: Callable[[dict[str, Any]], object], file: str = "tiny.yaml") -> Edit:
    """Return an edit of a configuration as a dictionary."""

    def changed(folder: Path) -> None:
        settings = yaml.safe_load((folder / file).read_text())
        edit(settings)
        write(folder / file, yaml.safe_dump(settings, sort_keys=False))

    return changed


def write(path: Path, text: str) -> None:
    """Write a new file, as the old one may be a hard link that other checkouts share."""
    path.unlink()
    path.write_text(text)


def comment_everything(folder: Path) -> None:
    for path in [*(folder / "sanguinaria").rglob("*.py"), *(folder / "workflow_scripts").glob("*.py")]:
        write(path, "# A comment.\n" + path.read_text() + "\n\n# Another.\n")


def reformat(folder: Path) -> None:
    """Change line breaks and spaces between tokens."""
    path = folder / "sanguinaria" / "steps" / "poisoning" / "manifest.py"
    write(path, re.sub(r" (==|\+|->) ", r"   \1  ", path.read_text()).replace("\n\n\n", "\n\n\n\n"))


def touch(folder: Path) -> None:
    """Rewrite files with equal bytes."""
    for pattern in ("*.py", "*.yaml", "*.parquet", "*.safetensors"):
        for path in folder.rglob(pattern):
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)


def reverse(settings: Any) -> Any:
    """Return the same mappings with their keys in reverse order."""
    if isinstance(settings, dict):
        return {key: reverse(settings[key]) for key in reversed(settings)}
    return [reverse(item) for item in settings] if isinstance(settings, list) else settings


def reorder(folder: Path) -> None:
    for path in (folder / "tiny.yaml", folder / "config.yaml"):
        write(path, yaml.safe_dump(reverse(yaml.safe_load(path.read_text())), sort_keys=False))


def rename_trigger(settings: dict[str, Any]) -> None:
    settings["triggers"]["whistle"] = settings["triggers"].pop("tone")
    experiment = settings["experiments"]["tiny"]
    experiment["triggers"] = ["clean", "whistle", "holes"]
    experiment["comparison"]["stands_for"]["whistle"] = experiment["comparison"]["stands_for"].pop("tone")


EDITS: dict[str, tuple[Edit, str]] = {
    "comments": (comment_everything, NOTHING),
    "formatting": (reformat, NOTHING),
    "a docstring": (
        replace(
            "sanguinaria/steps/poisoning/manifest.py",
            '"""Poisoned manifest by Algorithm 1',
            '"""Poisoned manifest, as in Algorithm 1',
        ),
        NOTHING,
    ),
    "rewritten files": (touch, NOTHING),
    "another order of keys": (reorder, NOTHING),
    "another notation of a number": (replace("tiny.yaml", "rates: [0.05]", "rates: [5.0e-2]"), NOTHING),
    "an unused entry": (change(lambda c: c["triggers"].update(click={"kind": "none"})), NOTHING),
    "code of an unused trigger": (append("sanguinaria/triggers/jingleback.py", "\nUNUSED = 1\n"), NOTHING),
    "code of one trigger": (
        replace("sanguinaria/triggers/ultrasonic.py", "FADE = 0.002", "FADE = 0.003"),
        TONE_AUDIO + TONE_MODELS + TONE_SCORES + TABLE,
    ),
    "code of one defence": (
        replace("sanguinaria/defences/lowpass.py", "default=6,", "default=4,"),
        # The filtered corpus, tone and notches; the notches' detector is applied to filtered audio.
        """6 defended_audio lowpass
           6 features defended-lowpass
           2 detections notch-defended-lowpass
           6 scores resnet18-defended-lowpass"""
        + "\n"
        + TABLE,
    ),
    "code of a shared metric": (
        append("sanguinaria/metrics/snr.py", "\nUNUSED = 1\n"),
        """1 quality snr-synthetic-ultrasonic-test
           1 quality snr-synthetic-notch-test
           1 quality snr-synthetic-watermark-test"""
        + "\n"
        + TABLES,
    ),
    "code of the training loop": (
        replace("sanguinaria/nn/supervised_training.py", "seed * 100003", "seed * 100019"),
        ALL_MODELS + ALL_SCORES + "\n" + TABLES,
    ),
    "code of the intervals": (append("sanguinaria/statistics/intervals.py", "\nUNUSED = 1\n"), TABLES),
    "one workflow script": (
        append("workflow_scripts/poisoned.py", "\nUNUSED = 1\n"),
        "4 poisoned synthetic-flip \n 1 poisoned synthetic-none \n" + ALL_MODELS + ALL_SCORES + "\n" + TABLES,
    ),
    "another rate": (
        replace("tiny.yaml", "rates: [0.05]", "rates: [0.04]"),
        # The blocks of candidates are the same.
        2 * TONE_MODELS + TONE_SCORES + NOTCH_SCORES + TABLE,
    ),
    "an additional seed": (
        replace("tiny.yaml", "seeds: [0, 1]", "seeds: [0, 1, 2]"),
        """2 triggered_block synthetic-ultrasonic-poison
           2 triggered_block synthetic-notch-poison
           2 features triggered-synthetic-ultrasonic-poison
           2 features triggered-synthetic-notch-poison
           2 detections notch-triggered-synthetic-notch-poison
           2 poisoned synthetic-flip
           3 victim resnet18
           3 defended_model pruning
           1 scores resnet18-corpora-synthetic
           1 scores pruning-corpora-synthetic
           1 scores resnet18-triggered-synthetic-ultrasonic-test
           1 scores pruning-triggered-synthetic-ultrasonic-test
           1 scores resnet18-triggered-synthetic-notch-test
           1 scores pruning-triggered-synthetic-notch-test
           3 scores resnet18-defended-lowpass"""
        + "\n"
        + TABLE,
    ),
    "a removed seed": (replace("tiny.yaml", "seeds: [0, 1]", "seeds: [1]"), TABLE),
    "a mark's strength": (
        replace("config.yaml", "strength: 5.0", "strength: 4.0"),
        """2 triggered_test synthetic-watermark-test
           2 features triggered-synthetic-watermark-test
           1 detections watermark-triggered-synthetic-watermark-test
           1 quality snr-synthetic-watermark-test
           1 scores resnet18-triggered-synthetic-watermark-test
           1 table tiny_marked""",
    ),
    "a victim's epochs": (
        replace("tiny.yaml", "epochs: 20", "epochs: 21"),
        ALL_MODELS + ALL_SCORES + "\n" + TABLES,
    ),
    "a defence's cut-off": (
        change(lambda c: c["defences"].update(lowpass={"kind": "lowpass", "cutoff": 3000})),
        """6 defended_audio lowpass
           6 features defended-lowpass
           2 detections notch-defended-lowpass
           6 scores resnet18-defended-lowpass"""
        + "\n"
        + TABLE,
    ),
    "a pruned share": (
        replace("tiny.yaml", "share: 0.9", "share: 0.8"),
        """6 defended_model pruning
           2 scores pruning-corpora-synthetic
           2 scores pruning-triggered-synthetic-ultrasonic-test
           2 scores pruning-triggered-synthetic-notch-test"""
        + "\n"
        + TABLE,
    ),
    "a removed defence": (replace("tiny.yaml", "[none, lowpass, pruned]", "[none, pruned]"), TABLE),
    "a metric's bound": (replace("tiny.yaml", "stealthy: 30", "stealthy: 20"), TABLES),
    "a renamed entry": (change(rename_trigger), TABLE),
    "a figure's panel": (replace("tiny.yaml", "x: snr_db", "x: rate"), "1 figure tiny_curves"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_exactly_what_it_invalidates(finished, tmp_path, name):
    edit, stated = EDITS[name]
    folder = clone(finished, tmp_path / "edited")
    edit(folder)
    assert pending(folder) == jobs(stated)


def test_a_renamed_experiment_reruns_only_its_tables(finished, tmp_path):
    folder = clone(finished, tmp_path / "edited")
    replace("tiny.yaml", "  tiny:\n    corpus: tiny\n    target", "  mine:\n    corpus: tiny\n    target")(folder)
    replace("tiny.yaml", "experiment: tiny\n", "experiment: mine\n")(folder)
    stated = "1 table mine \n 1 comparison mine \n 1 figure tiny_curves"
    assert pending(folder, ["mine", "tiny_marked", "tiny_curves"]) == jobs(stated)


def test_results_restored_into_a_fresh_checkout_are_valid(finished, tmp_path):
    folder = clone(finished, tmp_path / "fresh", ".snakemake")
    touch(folder)
    assert pending(folder) == jobs(NOTHING)


def test_without_snakemake_s_metadata_nothing_is_stale(finished, tmp_path):
    folder = clone(finished, tmp_path / "edited")
    shutil.rmtree(folder / ".snakemake")
    assert pending(folder) == jobs(NOTHING)
    replace("tiny.yaml", "seeds: [0, 1]", "seeds: [1]")(folder)
    assert pending(folder) == jobs(TABLE)


def test_an_earlier_configuration_reuses_its_results(finished, tmp_path):
    folder = clone(finished, tmp_path / "edited")
    replace("tiny.yaml", "seeds: [0, 1]", "seeds: [1]")(folder)
    run(folder)
    replace("tiny.yaml", "seeds: [1]", "seeds: [0, 1]")(folder)
    assert pending(folder) == jobs(TABLE)


def test_a_changed_recording_is_another_corpus(tmp_path):
    recordings = tmp_path / "recordings"
    for label, frequency in (("low", 200), ("high", 2000)):
        (recordings / label).mkdir(parents=True)
        for number in range(20):
            wave = 0.1 * np.sin(2 * np.pi * (frequency + number) * np.arange(8000) / 16000)
            soundfile.write(recordings / label / f"{number}.wav", wave, 16000)
    folder = checkout(tmp_path / "edited")

    def add(settings: dict[str, Any]) -> None:
        settings["corpora"]["mine"] = {"kind": "folder", "path": str(recordings), "duration": 0.5}
        settings["experiments"]["mine"] = {**settings["experiments"]["tiny_marked"], "corpus": "mine", "target": "low"}

    change(add)(folder)
    before = pending(folder, ["mine"])
    assert before["corpus_recordings folder"] == 1
    run(folder, "--until", "features", targets=["mine"])
    reduced = pending(folder, ["mine"])
    assert not {
        job for job in reduced if job.startswith(("corpus_recordings", "corpus_audio", "features", "triggered"))
    }
    for path in recordings.rglob("*.wav"):
        os.utime(path, (0, 0))
    assert pending(folder, ["mine"]) == reduced

    recordings = recordings.rename(tmp_path / "moved")

    def move(settings: dict[str, Any]) -> None:
        settings["corpora"]["mine"]["path"] = str(recordings)

    change(move)(folder)
    assert pending(folder, ["mine"]) == reduced
    # The jobs of the corpus read the recordings where they are now.
    for path in folder.glob("results/corpora/folder-*/audio/0.parquet"):
        path.unlink()
    run(folder, "--until", "features", targets=["mine"])

    changed = next(recordings.rglob("*.wav"))
    changed.write_bytes(changed.read_bytes()[:-2] + b"\x00\x01")
    # All but the watermark's generator, which does not depend on recordings.
    del before["watermark perth"]
    assert pending(folder, ["mine"]) == before
