"""Rows of predictions of a model, and of quality by a metric."""

import numpy as np
import pandas as pd
import pytest
import torch

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import plugins, tensors
from sanguinaria.core.errors import InputError
from sanguinaria.metrics import Metric, Unscorable
from sanguinaria.steps.quality import score_quality
from sanguinaria.steps.scores import score_model
from sanguinaria.victims._models import save_model

CPU = torch.device("cpu")
NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def index(tmp_path):
    path = tmp_path / "index.parquet"
    splits = ["test", "train", "test", "test"]
    table = {"utterance_id": NAMES, "label": ["left", "up", "up", "left"], "speaker": list("stuv"), "split": splits}
    pd.DataFrame(table).to_parquet(path)
    return path


@pytest.fixture
def model(tmp_path):
    victim = plugins.build("victims", {"kind": "lstm", "hidden": 4, "layers": 1, "log_mel": {"bands": 8}})
    torch.manual_seed(0)
    network = victim.network(2).eval()
    save_model(victim, ["left", "up"], network, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors", network


def features(path, names, spectrograms):
    tensors.save({"inputs": spectrograms}, {"utterance_ids": names}, path)
    return path


def score(model, clean, triggered, index, folder, target="up"):
    score_model(
        model,
        clean=clean,
        triggered=triggered,
        index=index,
        target=target,
        destination=folder / "rows.parquet",
        device=CPU,
    )


def test_test_utterances_of_all_shards_are_classified(tmp_path, index, model):
    spectrograms = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(1)).half()
    shards = [
        features(tmp_path / "0.safetensors", ["d", "b"], spectrograms[[3, 1]]),
        features(tmp_path / "1.safetensors", [], torch.empty(0, 8, 0).half()),
        features(tmp_path / "2.safetensors", ["a", "c"], spectrograms[[0, 2]]),
    ]
    path, network = model
    other = features(tmp_path / "triggered.safetensors", ["c", "a"], spectrograms[[1, 3]])
    score(path, shards, [other], index, tmp_path)
    both = pd.read_parquet(tmp_path / "rows.parquet").set_index("audio")
    rows = both.loc["clean"]
    with torch.inference_mode():
        logits = network(spectrograms[[0, 2, 3]].float()).double().numpy()
    up = np.exp(logits[:, 1]) / np.exp(logits).sum(1)
    assert rows["utterance_id"].tolist() == ["a", "c", "d"]
    assert rows["label"].tolist() == ["left", "up", "left"]
    assert rows["speaker"].tolist() == ["s", "u", "v"]
    np.testing.assert_allclose(rows["target_probability"], up, atol=1e-5)
    assert rows["predicted"].tolist() == ["up" if probability > 0.5 else "left" for probability in up]

    triggered = both.loc["triggered"]
    assert triggered["utterance_id"].tolist() == ["a", "c"]
    # The triggered "a" has the features of the clean "d".
    assert triggered["target_probability"].iloc[0] == pytest.approx(up[2], abs=1e-5)


def test_without_triggered_audio_there_are_only_clean_rows(tmp_path, index, model):
    shard = features(tmp_path / "0.safetensors", ["a", "c"], torch.zeros(2, 8, 6).half())
    score(model[0], [shard], [], index, tmp_path)
    assert pd.read_parquet(tmp_path / "rows.parquet")["audio"].tolist() == ["clean", "clean"]


def test_an_unknown_target_label_is_an_error(tmp_path, index, model):
    shard = features(tmp_path / "0.safetensors", ["a"], torch.zeros(1, 8, 6).half())
    with pytest.raises(InputError, match=r"target label 'rihgt'; the labels are: left, up"):
        score(model[0], [shard], [], index, tmp_path, target="rihgt")


class Difference(Metric):
    """The mean difference; not defined for the utterance that starts with 0.5."""

    def score(self, reference, degraded, sample_rate):
        if reference[0] == 0.5:
            raise Unscorable("starts with a half")
        return float((degraded - reference).mean())


def shard(path, names, waveforms):
    rows = pd.DataFrame({"utterance_id": names, "label": "left", "speaker": "s", "split": "test"})
    utterances.write(path, iter([Utterances(rows, np.asarray(waveforms, np.float32), 16000)]))
    return path


def test_pairs_are_matched_by_name_and_undefined_values_are_kept(tmp_path):
    constant = [np.full(1000, value) for value in (0.0, 0.25, 0.5)]
    clean = [
        shard(tmp_path / "c0.parquet", ["x", "y"], constant[:2]),
        shard(tmp_path / "c1.parquet", ["z"], constant[2:]),
    ]
    # The clean shard also has utterances that are not triggered, in another order.
    triggered = [
        shard(tmp_path / "t0.parquet", ["y"], [constant[1] + 0.125]),
        shard(tmp_path / "t1.parquet", ["z"], [constant[2]]),
    ]
    listed = index_of(tmp_path, ["x", "y", "z"])
    score_quality(
        Difference(),
        clean=clean,
        triggered=triggered,
        index=listed,
        limit=None,
        destination=tmp_path / "rows.parquet",
    )
    rows = pd.read_parquet(tmp_path / "rows.parquet").set_index("utterance_id")
    assert rows.loc["y", "value"] == 0.125
    assert np.isnan(rows.loc["z", "value"])
    assert rows.loc["z", "problem"] == "starts with a half"
    assert list(rows.index) == ["y", "z"]


def index_of(tmp_path, names):
    pd.DataFrame({"utterance_id": names, "label": "left", "split": "test"}).to_parquet(tmp_path / "index.parquet")
    return tmp_path / "index.parquet"


def test_a_limited_sample_is_reproducible_and_independent_of_parts(tmp_path):
    names = [f"u{number}" for number in range(20)]
    halves = [shard(tmp_path / f"s{half}.parquet", names[half::2], np.zeros((10, 100))) for half in range(2)]
    index = index_of(tmp_path, names)

    def drawn(*shards):
        score_quality(
            Difference(),
            clean=shards,
            triggered=shards,
            index=index,
            limit=5,
            destination=tmp_path / "rows.parquet",
        )
        return pd.read_parquet(tmp_path / "rows.parquet")["utterance_id"].tolist()

    whole = drawn(*halves)
    assert len(whole) == 5 and drawn(*halves) == whole
    assert sorted(drawn(halves[0]) + drawn(halves[1])) == whole


def test_a_part_without_test_utterances_has_no_rows(tmp_path, model, index):
    training = features(tmp_path / "0.safetensors", ["b"], torch.zeros(1, 8, 6).half())
    empty = features(tmp_path / "1.safetensors", [], torch.empty(0, 8, 0).half())
    score(model[0], [training], [empty], index, tmp_path)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert len(rows) == 0
    assert list(rows.columns) == ["utterance_id", "label", "speaker", "predicted", "target_probability", "audio"]
