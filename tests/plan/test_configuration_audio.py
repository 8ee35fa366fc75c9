"""Entries that cannot be used with the audio of a table's corpus are reported by the configuration."""

import pytest
import torch
from configured import VALID, overlay_problems

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError

pytestmark = pytest.mark.usefixtures("working_folder")

CPU = torch.device("cpu")
AT_8_KHZ = "cannot be used with corpus 'spoken': "


def problems_at_8_khz(*entries: str, **lists: str) -> list[str]:
    """Messages, without their places, of an experiment at 8 kHz with further entries and with lists of their names."""
    named = "".join(f"    {field}: {names}\n" for field, names in lists.items())
    sections = "".join(f"{entry}\n" for entry in entries)
    overlay = f"corpora: {{spoken: {{sample_rate: 8000}}}}\n{sections}experiments:\n  demo:\n{named}"
    return [line.partition(": experiments.demo.")[2] for line in overlay_problems(overlay)]


def test_a_trigger_above_the_band():
    tone = "a frequency of 7500 Hz is not below half the sample rate of 8000 Hz"
    assert problems_at_8_khz(triggers="[clean, tone]") == [f"triggers[1]: 'tone' {AT_8_KHZ}{tone}"]
    notched = "triggers: {notched: {kind: notch, maximum_frequency: 4500}}"
    notch = "bands up to 4500 Hz are not below half the sample rate of 8000 Hz"
    assert problems_at_8_khz(notched, triggers="[clean]", covers="[notched]", test_triggers="[tone]") == [
        f"covers[0]: 'notched' {AT_8_KHZ}{notch}",
        f"test_triggers[0]: 'tone' {AT_8_KHZ}{tone}",
    ]


def test_a_low_pass_that_changes_nearly_nothing():
    entries = "defences: {standard: {kind: lowpass}, narrow: {kind: lowpass, cutoff: 3000}}"
    assert problems_at_8_khz(entries, triggers="[clean]", defences="[none, narrow, standard]") == [
        f"defences[2]: 'standard' {AT_8_KHZ}a cutoff of 3800 Hz changes nearly nothing at a sample rate of 8000 Hz: "
        "set `cutoff` to at most 3600"
    ]


def test_a_distortion_and_a_watermark_are_checked_where_others_apply_them():
    entries = (
        "distortions: {low: {kind: filter, below: 5000}}",
        "defences: {filtered: {kind: distortion, distortion: low}}",
        "watermarks: {seal: {kind: audioseal}}",
        "triggers: {sealed: {kind: watermark, watermark: seal, message: '0101010101010101'}}",
    )
    assert problems_at_8_khz(*entries, triggers="[sealed]", defences="[filtered]") == [
        f"triggers[0]: 'sealed' {AT_8_KHZ}AudioSeal marks audio at 16,000 Hz, not at 8,000 Hz",
        f"defences[0]: 'filtered' {AT_8_KHZ}a band above 0 Hz and below 5000 Hz does not fit audio at 8000 Hz: "
        "keep its cut-offs below 4000 Hz",
    ]


def test_entries_that_a_table_does_not_name_are_not_checked():
    assert problems_at_8_khz("defences: {unused: {kind: lowpass}}", triggers="[clean, wave]") == [
        "triggers[1]: unknown entry of triggers 'wave'; there are: clean, tone"
    ]


def test_each_victim_is_checked_against_the_corpus_that_it_is_trained_on():
    overlay = """
    corpora: {short: {kind: synthetic, duration: 0.15}}
    victims: {sinc: {kind: sincnet}, raw: {kind: rawnet3, stride: 200}}
    experiments:
      demo: {corpus: [spoken, short], target: left, victims: {spoken: [sinc, raw], short: [lstm, sinc, raw]}}
    """
    assert overlay_problems(overlay) == [
        "overlay.yaml:4: experiments.demo.victims.short[1]: 'sinc' cannot be used with corpus 'short': utterances have "
        "2,400 samples, and it needs 3,200: raise the corpus's `duration` to 0.2 s, or use another victim",
        "overlay.yaml:4: experiments.demo.victims.short[2]: 'raw' cannot be used with corpus 'short': utterances have "
        "2,400 samples, and it needs 3,051: raise the corpus's `duration` to 0.191 s, or use another victim",
    ]


@pytest.mark.parametrize("settings", [{"kind": "sincnet"}, {"kind": "rawnet3", "width": 16}])
def test_the_minimum_of_a_victim_is_what_its_network_takes(settings: dict[str, object]):
    victim = plugins.build("victims", settings)
    minimum = victim.minimum_samples(16000)
    network = victim.network(2).eval()
    assert network(torch.randn(1, 1, minimum)).shape == (1, 2)
    with pytest.raises(InputError, match="fewer than one window"):
        network(torch.randn(1, 1, minimum - 1))


def test_utterances_of_no_length():
    overlay = VALID.partition("watermarks:")[0].replace("kind: synthetic", "duration: 1.0e-5")
    assert overlay_problems(overlay) == [
        "overlay.yaml:3: corpora.spoken.duration: should be greater than or equal to 0.05, not 1e-05"
    ]


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"kind": "audioseal"}, {8000: False, 16000: True}),
        ({"kind": "perth"}, {4000: False, 8000: True, 8250: False, 24000: True}),
        ({"kind": "dither_modulation"}, {4000: False, 16000: True}),
    ],
)
def test_the_rates_of_watermarks(settings: dict[str, object], rates: dict[int, bool]):
    watermark = plugins.build("watermarks", settings)
    assert {rate: watermark.sample_rate_error(rate) is None for rate in rates} == rates
