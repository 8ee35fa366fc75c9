"""The example of docs/from_python.md runs and prints the documented numbers; errors and clipping of its functions."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from toy_speech import harmonic_tones, random_audioseal

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Detection, Marker, Sources, Watermark, marker
from sanguinaria.watermarks._weights import save_weights
from sanguinaria.watermarks.audioseal_trained import AudioSealTrained
from sanguinaria.watermarks.bloodroot_ft import BloodrootFT
from sanguinaria.watermarks.perth import Perth

PAGE = Path(__file__).parents[2] / "docs" / "from_python.md"
RATE = 16_000
CPU = torch.device("cpu")


def test_the_page_s_example():
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


class ConstantMarker(Marker):
    """A mark of one value in every sample, or of a value for each bit of a message."""

    def __init__(self, value: float) -> None:
        self.value = value

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        marks = torch.full_like(waveforms, self.value)
        return marks if message is None else marks * message

    def detect(self, waveforms: torch.Tensor) -> Detection:
        return Detection(waveforms.amax(-1), waveforms)


class TestMark:
    def test_adds_the_watermark_with_a_gain_and_clips(self):
        marked = ConstantMarker(0.5).mark(torch.tensor([[0.0, 0.25, -1.0, 0.75]]), strength=2.0)
        assert marked.tolist() == [[1.0, 1.0, 0.0, 1.0]]
        assert ConstantMarker(-0.5).mark(torch.tensor([[-0.75]])).tolist() == [[-1.0]]

    def test_takes_messages_as_text_or_as_tensors(self):
        waveforms = torch.zeros(2, 3)
        for message in ("101", ["101", "101"], torch.tensor([1, 0, 1]), torch.tensor([[1, 0, 1]] * 2)):
            assert ConstantMarker(0.5).mark(waveforms, message).tolist() == [[0.5, 0, 0.5]] * 2
        for message in (None, "", ["", ""]):
            assert ConstantMarker(0.5).mark(waveforms, message).tolist() == [[0.5, 0.5, 0.5]] * 2

    @pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
    def test_does_not_hide_values_that_are_not_finite(self, value):
        assert ConstantMarker(value).mark(torch.zeros(1, 4)).isnan().all()

    def test_is_the_sum_that_its_generator_gives(self):
        perth, waveforms = marker("perth", RATE), harmonic_tones(2, RATE)
        assert torch.equal(perth.mark(waveforms, strength=3.0), waveforms + 3.0 * perth.watermark(waveforms, None))


def test_decoded_messages_are_text():
    detection = Detection(torch.tensor([0.9, 0.1]), torch.tensor([[0.5, 0.49], [0.1, 1.0]]))
    assert detection.messages == ["10", "01"]
    assert Detection(torch.zeros(2), torch.zeros(2, 0)).messages == ["", ""]


class TestMarker:
    def test_a_kind_a_plug_in_and_a_file_give_the_same(self, tmp_path):
        path = tmp_path / "weights.safetensors"
        save_weights(Perth(), Sources(), path)
        waveforms = harmonic_tones(1, RATE)
        expected = marker("perth", RATE).mark(waveforms)
        for watermark in (Perth(), path):
            assert torch.equal(marker(watermark, RATE, device="cpu").mark(waveforms), expected)

    def test_a_fine_tuned_watermark_is_loaded_by_its_base(self, tmp_path):
        class Tuned(Watermark):
            @property
            def message_bits(self) -> int:
                return 4

            def obtain(self, sources: Sources) -> dict[str, torch.Tensor]:
                return random_audioseal().obtain()

            def weights_reader(self, sources: Sources) -> Watermark:
                return random_audioseal()

            def load(
                self,
                weights: Mapping[str, torch.Tensor],
                sample_rate: int,
                device: torch.device,
                key: str | None = None,
            ) -> Marker:
                raise NotImplementedError

        waveforms, direct = harmonic_tones(1, RATE), random_audioseal().load(random_audioseal().obtain(), RATE, CPU)
        assert torch.equal(marker(Tuned(), RATE).mark(waveforms, "1001"), direct.mark(waveforms, "1001"))

    def test_an_unknown_kind_is_an_error(self):
        with pytest.raises(InputError, match="unknown watermark 'perht'; did you mean 'perth'"):
            marker("perht", RATE)

    def test_a_kind_without_defaults_is_an_error(self):
        with pytest.raises(InputError, match="audioseal_trained has no default for corpus"):
            marker("audioseal_trained", RATE)

    @pytest.mark.parametrize("watermark", [AudioSealTrained(corpus="c"), BloodrootFT(base="b", corpus="c")])
    def test_a_watermark_that_has_to_be_trained_is_an_error(self, watermark):
        with pytest.raises(InputError, match="has to be trained: give the path of the weights.safetensors"):
            marker(watermark, RATE)

    def test_an_invalid_key_is_an_error(self):
        with pytest.raises(InputError, match="key: this watermark has no keys: remove it"):
            marker("perth", RATE, key="any")
        with pytest.raises(InputError, match="key: give a key"):
            marker("dither_modulation", RATE)
