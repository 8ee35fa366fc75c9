"""Computational cost: operations of layers, weights that a pass uses, and a row for each watermark."""

from __future__ import annotations

import json
import time

import pytest
import torch
from toy_speech import harmonic_tones, random_audioseal, write_corpus

from sanguinaria.steps.benchmarks import efficiency
from sanguinaria.steps.benchmarks.efficiency import flops, measure_efficiency, parameters, time_of_pass
from sanguinaria.watermarks import NO_SOURCES
from sanguinaria.watermarks._weights import save_weights
from sanguinaria.watermarks.perth import SUBBAND, Perth

RATE = 16_000


@pytest.fixture(autouse=True)
def few_passes(monkeypatch):
    monkeypatch.setattr(efficiency, "UTTERANCES", 2)
    monkeypatch.setattr(efficiency, "REPETITIONS", 2)


def test_operations_of_a_known_convolution():
    layer = torch.nn.Conv1d(1, 6, kernel_size=5, bias=False)
    # 96 positions, 6 channels, and 5 products with as many sums.
    assert flops(lambda audio: layer(audio[:, None]), torch.zeros(1, 100)) == 96 * 6 * 5 * 2


def test_operations_of_a_recurrent_layer_are_counted():
    layer = torch.nn.LSTM(8, 16, batch_first=True)
    counted = flops(lambda audio: layer(audio.reshape(1, 10, 8)), torch.zeros(1, 80))
    # Ten steps of four gates, from the input and from the state.
    assert counted == 10 * 4 * 16 * (8 + 16) * 2


def test_only_weights_that_a_pass_uses_are_counted():
    generator, detector = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    with torch.no_grad():
        generator.bias.zero_()
        detector.bias.zero_()
    state = {
        f"{part}.{name}": weight.clone()
        for part, layer in (("g", generator), ("d", detector))
        for name, weight in layer.state_dict().items()
    }
    audio = torch.ones(1, 4)
    assert parameters(generator, audio, state) == 4 * 3 + 3
    # Two biases of equal values count twice.
    assert parameters(lambda inputs: generator(inputs) + detector(inputs), audio, state) == 2 * (4 * 3 + 3)
    assert parameters(torch.nn.Identity(), audio, state) == 0


def test_the_time_of_a_pass_is_processor_time():
    def busy(_: object) -> None:
        start = time.process_time()
        while time.process_time() < start + 0.01:
            pass

    assert 0.01 <= time_of_pass(busy, torch.zeros(1, 1, 4)) < 0.02
    assert time_of_pass(lambda _: time.sleep(0.05), torch.zeros(1, 1, 4)) < 0.02


@pytest.mark.parametrize("watermark", [Perth(), random_audioseal()], ids=["perth", "audioseal"])
def test_the_row_of_a_watermark(tmp_path, watermark):
    save_weights(watermark, NO_SOURCES, tmp_path / "weights")
    corpus = write_corpus(tmp_path / "corpus", harmonic_tones(3, RATE).numpy(), ["train", "test", "test"])
    measure_efficiency(
        weights=tmp_path / "weights",
        secret=None,
        shards=[corpus],
        destination=tmp_path / "row.json",
        device=torch.device("cpu"),
    )
    row = json.loads((tmp_path / "row.json").read_text())
    state = watermark.obtain()
    if isinstance(watermark, Perth):
        # 1 × 1, five of width 7, 1 × 1: as many products in each of 101 frames, a product and a sum each.
        weights = 2 * SUBBAND * 256 + 5 * 256 * 256 * 7
        assert row["embedding_gflops_per_second"] == pytest.approx(2 * 101 * weights / 1e9)
        assert row["embedding_parameters"] + row["detection_parameters"] == sum(w.numel() for w in state.values())
    for part, name in (("embedding", "generator"), ("detection", "detector")):
        if not isinstance(watermark, Perth):
            own = sum(weight.numel() for key, weight in state.items() if key.startswith(name))
            assert row[f"{part}_parameters"] == pytest.approx(own, rel=0.02)
        assert row[f"{part}_cpu_real_time_factor"] > 0 and row[f"{part}_gflops_per_second"] > 0
        assert f"{part}_gpu_real_time_factor" not in row
    assert (row["seconds"], row["utterances"], row["sample_rate"], row["gpu"]) == (1.0, 2, RATE, None)
    assert row["processor"] and row["repetitions"] == 2
