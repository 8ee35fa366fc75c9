"""A defect of an own corpus is an error of its code, and no recording that cannot be read."""

import json

import pytest

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError, PluginError
from sanguinaria.steps.corpora import build_shard, list_recordings

CORPUS = """
import json
import wave
import numpy as np
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import Corpus, Recording

SPLITS = ("train", "train", "test", "validation")

class Mine(Corpus):
    def recordings(self):
        listed = [
            Recording(utterance_id=f"u{number}", label=label, speaker="s", split=split, source=str(number))
            for number, (label, split) in enumerate((l, s) for l in ("left", "right") for s in SPLITS)
        ]
        LISTED
        return listed

    def read(self, source):
        samples, rate, remarks = np.full((1600, 1), 0.1, np.float32), 16000, []
        READ
        return samples, rate, remarks
"""


def corpus(add_plugin, listed: str = "", read: str = "", **settings: str):
    name = add_plugin("corpora", CORPUS.replace("LISTED", listed).replace("READ", read))
    return plugins.build("corpora", {"kind": name, "duration": 0.1, **settings})


def build(plugin, folder) -> list[dict[str, object]]:
    """The remarks on the recordings of a corpus."""
    list_recordings(plugin, folder / "recordings.parquet")
    build_shard(plugin, folder / "recordings.parquet", 0, folder / "0.parquet", folder / "0.json")
    return json.loads((folder / "0.json").read_text())


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ("samples.undefined", r"line \d+: AttributeError: 'numpy.ndarray' object has no attribute 'undefined'"),
        ("rate = rate + source", "TypeError: unsupported operand"),
        ("samples = numpy.zeros(3)", "NameError: name 'numpy' is not defined"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("return None", "read has to return samples, their rate, and a list of remarks"),
        ("return samples, rate", "read has to return samples, their rate, and a list of remarks"),
        ("remarks = ''", "read has to return samples, their rate, and a list of remarks"),
        ("samples = samples[:, 0]", r"returned float32 \(1600,\): it has to return float32 \(frames, channels\)"),
        ("samples = (32767 * samples).astype('int16')", r"returned int16 \(1600, 1\)"),
        ("samples = samples * np.nan", "samples of a recording are not finite"),
        ("rate = 16000.0", r"returned 16000\.0 as sample rate"),
        ("rate = 0", "returned 0 as sample rate"),
    ],
)
@pytest.mark.parametrize("unreadable", ["stop", "refuse"])
def test_a_defect_is_no_unreadable_recording(add_plugin, tmp_path, read: str, message: str, unreadable: str):
    with pytest.raises(PluginError, match=rf"^corpora/mine_0\.py.*{message}"):
        build(corpus(add_plugin, read=read, unreadable=unreadable), tmp_path)


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ("if source == '1': raise InputError('it is empty')", "it is empty"),
        ("if source == '1': raise OSError('disk error')", "OSError: disk error"),
        ("if source == '1': wave.open(__file__)", "Error: file does not start with RIFF id"),
        ("if source == '1': json.loads(samples)", "TypeError: the JSON object must be str"),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused_and_counted(add_plugin, tmp_path, read: str, reason: str):
    remarks = build(corpus(add_plugin, read=read, unreadable="refuse"), tmp_path)
    assert [row["source"] for row in remarks if row["refused"]] == ["1"]
    assert reason in str(remarks[1]["refused"])
    with pytest.raises(InputError, match=r"1 of 8 recordings cannot be read"):
        build(corpus(add_plugin, read=read, unreadable="stop"), tmp_path)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("return None", "recordings has to return a list of Recording"),
        ("return iter(listed)", "recordings has to return a list of Recording"),
        ("listed[0] = 'u0'", "recordings has to return a list of Recording"),
        ("listed.reverse()", "recordings are not sorted by utterance_id"),
        ("listed[1] = listed[0]", "utterance_id 'u0' is listed twice"),
        ("listed[0] = Recording(utterance_id='u0', label=0, speaker='s', split='train', source='0')", "are texts"),
        (
            "listed[0] = Recording(utterance_id='u0', label='l', speaker='s', split='dev', source='0')",
            "split is one of",
        ),
    ],
)
def test_what_a_corpus_lists_is_checked(add_plugin, tmp_path, listed: str, message: str):
    with pytest.raises(PluginError, match=rf"^corpora/mine_0\.py.*{message}"):
        build(corpus(add_plugin, listed=listed), tmp_path)
