"""The marked copy: formats, tags and lengths stay, and marks and labels are those of the claim."""

import csv
import json

import numpy as np
import pytest
import soundfile
from claims import mark, write_corpus

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.marks import keyed_trigger, owner_keys
from sanguinaria.ownership.owner_folder import PUBLISHED, load_claim, read_rows
from sanguinaria.ownership.publication import publish, require_unaltered
from sanguinaria.workflow.commands.own import main

OPTIONS = ("--set", "marks=4", "share=0.2", "--queries", "10")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory):
    return mark(corpus, tmp_path_factory.mktemp("claim"), *OPTIONS)


def test_unmarked_files_are_copied_and_marked_ones_have_their_tones(folder, corpus):
    claim = load_claim(folder)
    markings = {marking.utterance_id: marking for marking in claim.markings()}
    keys = owner_keys(claim.protocol.mark, claim.secret, 4)
    rows = read_rows(folder.table, PUBLISHED)
    assert len(rows) == 120 and sum(row["marked"] == "1" for row in rows) == len(markings) > 0
    for row in rows:
        original, copy = corpus / row["utterance_id"], folder.published / row["path"]
        marking = markings.get(row["utterance_id"])
        if marking is None:
            assert copy.read_bytes() == original.read_bytes() and row["path"] == row["utterance_id"]
            continue
        assert row["label"] == marking.label == row["path"].partition("/")[0]
        change = soundfile.read(copy)[0] - soundfile.read(original)[0]
        expected = 10 ** (-62 / 20) * keyed_trigger(claim.protocol.mark, keys[marking.key]).mark(4000, 16000).numpy()
        assert np.abs(change - expected).max() <= 2**-15
        assert soundfile.info(copy).subtype == "PCM_16"


def test_the_table_of_labels_reveals_no_marks(folder):
    with (folder.published / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "split"] and len(rows) == 120
    labels = {row["path"]: row["label"] for row in read_rows(folder.table, PUBLISHED)}
    assert {row["path"]: row["label"] for row in rows} == labels


def test_quality_names_the_worst_recordings(folder):
    quality = json.loads((folder.root / "owner" / "quality.json").read_text())
    assert quality["snr"]["count"] == 2 and 30 < quality["snr"]["worst"] <= quality["snr"]["mean"] < 60
    assert len(quality["snr"]["worst_recordings"]) == 2


def test_the_same_command_writes_nothing_again_and_other_settings_are_refused(folder, corpus, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.published.rglob("*")}
    mark(corpus, folder.root, *OPTIONS)
    assert {path: path.stat().st_mtime_ns for path in folder.published.rglob("*")} == before
    with pytest.raises(SystemExit) as exit_code:
        mark(corpus, folder.root, *OPTIONS, "--alpha", "0.05")
    assert exit_code.value.code == 2 and "a commitment with other settings" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["mark", str(corpus), "--out", str(folder.root), "--public-value", "late", *OPTIONS])
    assert "no source of a public value, so that a value could be chosen" in capsys.readouterr().err


def test_decoys_wait_for_a_public_value_of_a_committed_source(corpus, tmp_path, capsys):
    command = ["mark", str(corpus), "--out", str(tmp_path), "--method", "decoy_keys", "--set", "share=0.1"]
    with pytest.raises(SystemExit):
        main(command)
    assert "give --public-source" in capsys.readouterr().err and not (tmp_path / "owner").exists()
    command += ["--public-source", "the next prime minister"]
    main(command)
    assert "sanguinaria-commitment-v1 " in capsys.readouterr().out and not (tmp_path / "published").exists()
    with pytest.raises(SystemExit):
        main([*command, "--without-public-value"])
    assert "'the next prime minister' of a public value: give its value" in capsys.readouterr().err


def test_an_interrupted_publication_is_completed(corpus, tmp_path):
    folder = mark(corpus, tmp_path, *OPTIONS)
    folder.table.unlink()
    rows = {path: path.read_bytes() for path in folder.published.rglob("*.wav")}
    removed = sorted(rows)[:5]
    for path in removed:
        path.unlink()
    publish(folder)
    assert {path: path.read_bytes() for path in folder.published.rglob("*.wav")} == rows
    soundfile.write(removed[0], np.zeros(100), 16000)
    with pytest.raises(InputError, match="1 files were re-encoded, altered or removed"):
        require_unaltered(folder)


def test_channels_rates_encodings_and_tags_stay(tmp_path):
    corpus = write_corpus(tmp_path / "corpus", speakers=12)
    samples = np.random.default_rng(1).normal(0, 0.05, size=(9000, 2))
    for path in corpus.glob("*/*.wav"):
        with soundfile.SoundFile(path.with_suffix(".flac"), "w", 44100, 2, "PCM_24") as file:
            file.title = "a title"
            file.write(samples)
        path.unlink()
    folder = mark(corpus, tmp_path / "claim", *OPTIONS)
    marked = [row["path"] for row in read_rows(folder.table, PUBLISHED) if row["marked"] == "1"]
    for name in marked:
        with soundfile.SoundFile(folder.published / name) as file:
            assert (file.samplerate, file.channels, file.frames, file.subtype) == (44100, 2, 9000, "PCM_24")
            assert file.title == "a title"


def test_lossy_recordings_are_refused_or_become_flac_on_request(tmp_path, capsys):
    corpus = write_corpus(tmp_path / "corpus", speakers=12)
    for path in corpus.glob("*/*.wav"):
        soundfile.write(path.with_suffix(".ogg"), soundfile.read(path)[0], 16000)
        path.unlink()
    with pytest.raises(SystemExit):
        mark(corpus, tmp_path / "claim", *OPTIONS)
    assert "OGG, VORBIS" in capsys.readouterr().err
    folder = mark(corpus, tmp_path / "claim", *OPTIONS, "--lossy", "flac")
    suffixes = {(row["marked"], row["path"][-4:]) for row in read_rows(folder.table, PUBLISHED)}
    assert suffixes == {("0", ".ogg"), ("1", "flac")}


def test_bad_corpora_are_named(tmp_path, capsys):
    corpus, whole = write_corpus(tmp_path / "corpus", speakers=3), write_corpus(tmp_path / "whole", speakers=20)
    for label in ("go", "left", "stop"):
        for path in (corpus / label).iterdir():
            path.unlink()
    for options, message in (
        ((), "all 3 recordings have one label, 'down'"),
        (("--method", "notes"), "no ownership method 'notes'"),
        (("--set", "marks=many"), "marks: Input should be a valid integer"),
        (("--mark", "ultrasonic"), "no key"),
        (("--set", "marks"), "give name=value"),
        (("--mark-set", "level={"), "is not YAML"),
        (("--weights", "absent.safetensors"), "No such file or directory: 'absent.safetensors'"),
        (("--alpha", "2"), "alpha: Input should be less than 1"),
    ):
        with pytest.raises(SystemExit) as exit_code:
            mark(whole if options else corpus, tmp_path / "claim", *options)
        assert exit_code.value.code == 2 and message in capsys.readouterr().err
