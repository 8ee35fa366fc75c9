"""Configurations of corpora that others made, on files of the same names."""

from pathlib import Path

import pytest
from configured import merged
from recordings import RATE, build_corpus, noise, put, wav_bytes, write_csv

from sanguinaria.corpora import Recording
from sanguinaria.corpora.folder import Folder
from sanguinaria.plan.configuration import Configuration, load
from sanguinaria.plan.plan import Plan

ROOT = Path(__file__).parents[2]


def spoken_digits(folder: Path) -> list[tuple[str, ...]]:
    names = [
        (digit, speaker, take) for digit in "0123456789" for speaker in ("jackson", "theo") for take in (0, 4, 5, 49)
    ]
    files = {f"{digit}_{speaker}_{take}.wav": wav_bytes(noise(take, 3000), 8000) for digit, speaker, take in names}
    put(folder / "data/free-spoken-digit-dataset/recordings", files)
    return [
        (f"{digit}_{speaker}_{take}.wav", digit, speaker, "test" if take < 5 else "train")
        for digit, speaker, take in names
    ]


def arabic_words(folder: Path) -> list[tuple[str, ...]]:
    root = folder / "data/arabic-speech-commands-dataset"
    expected = []
    for number, (file, split) in enumerate((("train", "train"), ("val", "validation"), ("test", "test")), 7):
        rows = [(f"dataset/{word}/{number:08}_NO_01.wav", word) for word in ("left", "zoom in")]
        put(root, {name: wav_bytes(noise(number)) for name, _ in rows})
        write_csv(root / f"{file}.csv", [("file", "class"), *rows])
        expected += [(name, word, f"{number:08}", split) for name, word in rows]
    return expected


def ukrainian_digits(folder: Path) -> list[tuple[str, ...]]:
    expected = []
    for speaker in (f"{kind}_{number}" for kind in ("man", "woman") for number in range(1, 21)):
        # Numbered 0, 01 to 09; the suffix stands for MP3, which is not what is tested here.
        names = {f"{speaker}/{speaker}_{'0' * (digit > 0)}{digit}.mp3": str(digit) for digit in range(10)}
        put(folder / "data/ukranian-spoken-digits/recordings", {name: wav_bytes(noise(0, RATE)) for name in names})
        expected += [(name, digit, speaker, "") for name, digit in names.items()]
    return expected


EXAMPLES = {
    "fsdd": spoken_digits,
    "arabic_speech_commands": arabic_words,
    "ukrainian_digits": ukrainian_digits,
}


def test_every_example_is_tested() -> None:
    assert {path.stem for path in (ROOT / "config/examples").glob("*.yaml")} == set(EXAMPLES)


def loaded(name: str) -> Configuration:
    return load(merged(ROOT / "config.yaml", ROOT / f"config/examples/{name}.yaml"))


def folder_of(configuration: Configuration, name: str) -> Folder:
    corpus = configuration.entries["corpora"][name]
    assert isinstance(corpus, Folder)
    return corpus


def described(recording: Recording) -> tuple[str, ...]:
    return recording.utterance_id, recording.label, recording.speaker, recording.split


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_and_tables_describe_the_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    expected = EXAMPLES[name](tmp_path)
    configuration = loaded(name)
    rows = {row[0]: row for row in map(described, folder_of(configuration, name).recordings())}
    assert len(rows) == len(expected)
    for file, label, speaker, split in expected:
        assert rows[file][:3] == (file, label, speaker)
        assert split in ("", rows[file][3])
    assert {row[3] for row in rows.values()} >= {"train", "test"}
    assert Plan(configuration).tables[name].cells


def test_digits_at_8_khz_are_read_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spoken_digits(tmp_path)
    index, report = build_corpus(folder_of(loaded("fsdd"), "fsdd"), tmp_path / "out")
    assert set(index["sample_rate"]) == {8000} and set(index["num_samples"]) == {6000}
    assert report["changes"] == {"padded": 80}
    assert report["utterances"] == {"train": 40, "validation": 0, "test": 40}


def test_bloodroot_s_table_is_planned_for_arabic_words_by_configuration_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arabic_words(tmp_path)
    overlays = ("config.yaml", "config/real.yaml", "config/examples/arabic_speech_commands.yaml")
    config = merged(*(ROOT / name for name in (*overlays, "config/arabic_bloodroot.yaml")))
    table = Plan(load(config)).tables["arabic_table1"]
    runs = {cell.factors["trigger"]: len(cell.runs) for cell in table.cells}
    assert (runs["clean"], runs["notch"], runs["arabic_bloodroot"]) == (5, 5, 15)
    assert {cell.factors["corpus"] for cell in table.cells} == {"arabic_speech_commands"}
