"""What plug-ins return is checked in the steps: the error names the plug-in's file, and what was promised."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import check_recording, check_waveforms
from sanguinaria.defences import Defence
from sanguinaria.distortions import Distortion
from sanguinaria.front_ends import FrontEnd
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import train
from sanguinaria.steps.benchmarks import readings
from sanguinaria.steps.defended_audio import defend_audio
from sanguinaria.steps.detections import detect_trigger
from sanguinaria.steps.features import extract_features
from sanguinaria.steps.texts import transcribe
from sanguinaria.steps.triggered import trigger_test
from sanguinaria.texts import TextExtractor
from sanguinaria.triggers import Trigger
from sanguinaria.watermarks import Detection

CPU = torch.device("cpu")
HERE = r"test_plugin_promises\.py"

# How functions break a promise, by the words of the message.
BROKEN = {
    r"returned \(3, 90\) for \(3, 100\): it has to keep the shape": lambda x: x[:, :-10],
    r"returned \(2, 100\) for \(3, 100\)": lambda x: x[1:],
    r"returned \(3, 1, 100\) for \(3, 100\)": lambda x: x[:, None],
    "returned torch.float64: it has to return torch.float32": lambda x: x.double(),
    "returned torch.int16": lambda x: (x * 100).short(),
    "returned tuple: it has to return a torch.Tensor": lambda x: (x, x),
    "returned ndarray": lambda x: x.numpy(),
    "returned NoneType": lambda x: None,
    "samples are not finite in 1 utterances, b first": lambda x: x.index_fill(0, torch.tensor([1]), torch.nan),
    "samples are not finite in 3 utterances, a first": lambda x: x / 0,
    r"returned samples up to ±8192: audio is in \[-1, 1\]": lambda x: x * 32768,
}


class Bound(SimpleNamespace):
    """A function, in place of settings, which tests give to plug-ins."""

    function = staticmethod(lambda x: x)


class Beep(Trigger):
    def embedder(self, sample_rate, device, weights):
        return Bound.function

    def detector(self, sample_rate, device, weights):
        return Bound.function


class Denoise(Defence):
    def transform(self, sample_rate, device):
        return Bound.function


class Tremble(Distortion):
    def apply(self, waveforms, sample_rate, generator):
        return Bound.function(waveforms)


class Spectrum(FrontEnd):
    @property
    def dummy_input_shape(self):
        return 4, 25

    def transform(self, sample_rate, device):
        return Bound.function


class Recogniser(TextExtractor):
    def extractor(self, sample_rate, device):
        return lambda waveforms, labels: Bound.function(labels)


def batch() -> Utterances:
    rows = pd.DataFrame({"utterance_id": list("abc"), "label": list("xyz"), "speaker": list("uvw"), "split": "test"})
    return Utterances(rows, np.full((3, 100), 0.25, np.float32), 16000)


@pytest.fixture
def shard(tmp_path):
    utterances.write(tmp_path / "0.parquet", iter([batch()]))
    return tmp_path / "0.parquet"


def matches(message: str, text: str) -> bool:
    """Whether a text names this file as the plug-in's, and then has the message, a regular expression."""
    return re.search(f"{HERE}.*{message}", text) is not None


def refusal(monkeypatch, function, step) -> str:
    """The message of a step whose plug-in returns what ``function`` makes."""
    monkeypatch.setattr(Bound, "function", staticmethod(function))
    with pytest.raises(InputError) as error:
        step()
    return str(error.value)


@pytest.mark.parametrize("message", BROKEN)
def test_triggers_and_defences_keep_their_promises(tmp_path, monkeypatch, shard, message):
    written = {"shard": shard, "destination": tmp_path / "x.parquet", "device": CPU, "weights": None}
    assert re.search(
        f"{HERE}.*{message}", refusal(monkeypatch, BROKEN[message], lambda: trigger_test(Beep(), **written))
    )
    assert re.search(
        f"{HERE}.*{message}",
        refusal(monkeypatch, BROKEN[message], lambda: defend_audio(Denoise(), texts=(), **written)),
    )
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize("message", [message for message in BROKEN if not re.search(r"\(3,|finite|±", message)])
def test_distortions_keep_their_promises(monkeypatch, message):
    assert re.search(
        f"{HERE}.*{message}",
        refusal(monkeypatch, BROKEN[message], lambda: readings._distorted(Tremble(), batch(), CPU)),
    )


def test_a_distortion_may_change_the_duration_but_not_the_number_of_utterances(monkeypatch):
    monkeypatch.setattr(Bound, "function", staticmethod(lambda x: x[:, ::2]))
    assert [x.shape for x in readings._distorted(Tremble(), batch(), CPU)] == [(1, 50)] * 3
    message = r"returned \(100,\) for \(1, 100\): it has to keep the number of utterances"
    assert re.search(
        f"{HERE}.*{message}", refusal(monkeypatch, lambda x: x[0], lambda: readings._distorted(Tremble(), batch(), CPU))
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.reshape(3, 5, 20), r"returned \(3, 5, 20\) as features .*: it has to return \(3, 4, any\)"),
        (lambda x: x, r"returned \(3, 100\) as features"),
        (lambda x: x.reshape(3, 4, 25).long(), "returned torch.int64 as features"),
        (lambda x: x.reshape(3, 4, 25) * 1e6, "samples are not finite in 3 utterances"),
    ],
)
def test_front_ends_keep_their_promises(tmp_path, monkeypatch, shard, function, message):
    assert re.search(
        f"{HERE}.*{message}",
        refusal(monkeypatch, function, lambda: extract_features(shard, Spectrum(), tmp_path / "f", CPU)),
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x[:2, 0], x[:, :0]), r"returned \(2,\) as scores \(utterances,\): it has to return \(3\)"),
        (lambda x: (x[:, 0] > 0, x[:, :0]), "returned torch.bool as scores"),
        (lambda x: (x[:, 0], x[:, 0]), r"returned \(3,\) as bits"),
    ],
)
def test_detectors_keep_their_promises(tmp_path, monkeypatch, shard, function, message):
    def detect() -> None:
        detect_trigger(Beep(), weights=None, shards=[shard], split=None, destination=tmp_path / "r", device=CPU)

    assert matches(message, refusal(monkeypatch, function, detect))
    marker = type("Decoder", (), {"__module__": __name__, "detect": lambda self, x: Detection(*function(x))})()
    with pytest.raises(InputError, match=f"{HERE}.*{message}"):
        list(readings._detect_batch(marker, list(torch.full((3, 1, 100), 0.25))))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda labels: labels[1:], "returned 2 texts for 3 utterances"),
        (lambda labels: "xyz", "returned no list of texts"),
        (lambda labels: [None] * 3, "returned no list of texts"),
    ],
)
def test_text_extractors_keep_their_promises(tmp_path, monkeypatch, shard, function, message):
    arguments = {"shards": [shard], "splits": ["test"], "destination": tmp_path / "t", "device": CPU}
    assert re.search(
        f"{HERE}.*{message}", refusal(monkeypatch, function, lambda: transcribe(Recogniser(), **arguments))
    )


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(5, np.float32), 16000, r"returned float32 \(5,\): it has to return float32 \(frames, channels\)"),
        (np.zeros((5, 1), np.int16), 16000, r"returned int16 \(5, 1\)"),
        (np.full((5, 1), np.inf, np.float32), 16000, "samples of a recording are not finite"),
        (np.zeros((5, 1), np.float32), 16000.0, r"returned 16000\.0 as sample rate"),
        ([0.0], 16000, "returned list"),
    ],
)
def test_corpora_keep_their_promises(samples, rate, message):
    with pytest.raises(InputError, match=f"{HERE}.*{message}"):
        check_recording(Beep(), samples, rate)


def test_a_victim_with_too_many_outputs_is_not_trained(tmp_path, monkeypatch):
    victim = plugins.build("victims", {"kind": "lstm", "hidden": 8, "layers": 1, "log_mel": {"bands": 16}})
    build = type(victim).network
    monkeypatch.setattr(type(victim), "network", lambda self, labels: build(self, labels + 1))
    dataset = FeatureDataset(Features([torch.zeros(8, 16, 20).half()]), torch.arange(8) % 2)
    message = r"victims/lstm\.py returned \(2, 3\) as logits \(utterances, labels\): it has to return \(2, 2\)"
    with pytest.raises(InputError, match=message):
        train(victim, ("a", "b"), dataset, dataset, 0, tmp_path / "checkpoint.pt", CPU)
    assert not list(tmp_path.iterdir())


def test_waveforms_stay_on_their_device():
    with pytest.raises(InputError, match=f"{HERE} returned a tensor on meta for one on cpu"):
        check_waveforms(Beep(), torch.zeros(3, 100, device="meta"), torch.zeros(3, 100))
