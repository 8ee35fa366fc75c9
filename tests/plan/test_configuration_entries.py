"""Entries are checked one by one, beside each other, and against those that they name."""

from pathlib import Path

import pytest
from configured import VALID, merged, overlay_problems, write

from sanguinaria.core.plugins import kinds
from sanguinaria.plan.configuration import load

pytestmark = pytest.mark.usefixtures("working_folder")


def test_missing_settings_are_reported_at_their_place():
    assert overlay_problems(
        """
        triggers:
          marked:
            kind: watermark
          bare:
            level: 3
        """
    ) == [
        "overlay.yaml:2: triggers.marked.watermark: is missing",
        f"overlay.yaml:4: triggers.bare: needs settings with a `kind`, one of: {', '.join(kinds('triggers'))}",
    ]


def test_a_wrong_watermark_says_nothing_about_messages_for_it():
    assert overlay_problems(
        """
        watermarks:
          seal: {kind: audioseal, source: random, bits: 0}
        triggers:
          marked: {kind: watermark, watermark: seal, message: "01"}
        """
    ) == ["overlay.yaml:2: watermarks.seal.bits: should be greater than or equal to 1, not 0"]


def test_a_wrong_corpus_has_no_labels_to_be_sure_of():
    assert overlay_problems("corpora: {spoken: {words: [a, a]}}\nexperiments: {demo: {target: b}}") == [
        "overlay.yaml:1: corpora.spoken.words: words must differ from one another and consist of letters"
    ]


def test_settings_that_belong_together_are_checked_beside_wrong_ones():
    assert overlay_problems("watermarks: {seal: {kind: audioseal, source: file, detector: a.pth, filterz: 3}}") == [
        "overlay.yaml:1: watermarks.seal.filterz: unknown setting 'filterz'; did you mean 'filters'?",
        "overlay.yaml:1: watermarks.seal: source: file needs the path of the generator's checkpoint, generator",
    ]


def test_labels_of_a_folder_are_its_sub_folders():
    for label in ("yes", "no"):
        (Path("recordings") / label).mkdir(parents=True)
        (Path("recordings") / label / "a.wav").touch()
    assert overlay_problems(
        """
        corpora:
          mine: {kind: folder, path: recordings, incomplete_labels: allow}
        experiments:
          demo: {corpus: mine, target: yess}
        """
    ) == ["overlay.yaml:4: experiments.demo.target: unknown label 'yess'; did you mean 'yes'? (of corpus 'mine')"]


def test_an_experiment_may_have_several_corpora():
    text = VALID.replace("corpora:\n", "corpora:\n  other:\n    kind: synthetic\n").replace(
        "corpus: spoken", "corpus: [spoken, other]"
    )
    assert load(merged(write("sound.yaml", text))).experiments["demo"].corpora == ("spoken", "other")
    assert load(merged(write("sound.yaml", VALID))).experiments["demo"].corpora == ("spoken",)


def test_each_of_several_corpora_is_checked():
    assert overlay_problems(
        """
        corpora:
          letters: {kind: synthetic, words: [ay, bee]}
        experiments:
          demo: {corpus: [spoken, spokn]}
          other: {corpus: [spoken, letters], target: left, triggers: [clean], victims: [lstm]}
          twice: {corpus: [spoken, spoken], target: left, triggers: [clean], victims: [lstm]}
        """
    ) == [
        "overlay.yaml:4: experiments.demo.corpus[1]: unknown entry of corpora 'spokn'; did you mean 'spoken'?",
        "overlay.yaml:5: experiments.other.target: unknown label 'left'; there are: ay, bee (of corpus 'letters')",
        "overlay.yaml:6: experiments.twice.corpus: should be a valid string, not ['spoken', 'spoken']; "
        "or: named more than once: spoken",
    ]


def test_settings_out_of_bounds_are_reported_with_their_lines():
    assert overlay_problems(
        """
        watermarks: {perth: {kind: perth}}
        triggers:
          marked: {kind: watermark, watermark: perth, strength: 0}
          notched: {kind: notch, depth: 0, bands: 99}
          crowded: {kind: notch, bands: 9}
        defences:
          pruned: {kind: pruning, share: 1}
          fine: {kind: pruning, share: 0.99}
        metrics:
          snr: {stealthy: loud}
        """
    ) == [
        "overlay.yaml:3: triggers.marked.strength: should be greater than 0, not 0",
        "overlay.yaml:4: triggers.notched.bands: should be less than or equal to 16, not 99",
        "overlay.yaml:4: triggers.notched.depth: should be greater than 0, not 0",
        "overlay.yaml:5: triggers.crowded: 9 bands of 200 Hz and as wide gaps do not fit between 1200 and 3600 Hz",
        "overlay.yaml:7: defences.pruned.share: should be less than 1, not 1",
        "overlay.yaml:10: metrics.snr.stealthy: should be a valid number, unable to parse string as a number, "
        "not 'loud'",
    ]


def test_mistakes_of_distortions_and_of_references_to_them_are_reported():
    assert overlay_problems(
        """
        distortions:
          quiet: {kind: none}
          hiss: {kind: noise}
          hum: {kind: nois, snr: 20}
          band: {kind: filter, above: 300, below: 200}
          coded: {kind: codec, format: vorbis, bit_rate: 64}
          fast: {kind: speed, factor: 3}
        defences:
          idle: {kind: distortion, distortion: quiet}
          lost: {kind: distortion, distortion: hist}
          bare: {kind: distortion}
          mine: {kind: distortion, distortion: hiss, seed: -1}
        """
    ) == [
        "overlay.yaml:3: distortions.hiss: needs exactly one of `snr`, `std` and `peak`",
        "overlay.yaml:4: distortions.hum.kind: unknown kind 'nois'; did you mean 'noise'?",
        "overlay.yaml:5: distortions.band: no frequency is above 300 Hz and below 200 Hz",
        "overlay.yaml:6: distortions.coded: vorbis needs `quality`, and no `bit_rate`",
        "overlay.yaml:7: distortions.fast.factor: should be less than or equal to 2, not 3",
        "overlay.yaml:9: defences.idle.distortion: 'quiet' changes nothing: use a defence of kind `none`",
        "overlay.yaml:10: defences.lost.distortion: unknown entry of distortions 'hist'; did you mean 'hiss'?",
        "overlay.yaml:11: defences.bare.distortion: is missing",
        "overlay.yaml:12: defences.mine.seed: should be greater than or equal to 0, not -1",
    ]


def test_a_watermark_is_not_made_from_itself():
    tuned = "{kind: bloodroot_ft, corpus: spoken, base: %s}"
    assert overlay_problems(f"watermarks:\n  a: {tuned % 'a'}\n  b: {tuned % 'c'}\n  c: {tuned % 'b'}\n") == [
        f"overlay.yaml:{line}: watermarks.{name}.base: {name!r} would be made from itself: name another entry"
        for line, name in enumerate("abc", start=2)
    ]


def test_an_entry_with_problems_is_still_a_name():
    assert overlay_problems("triggers: {tone: {level: 3}}") == [
        "overlay.yaml:1: triggers.tone.level: should be less than or equal to 0, not 3"
    ]
