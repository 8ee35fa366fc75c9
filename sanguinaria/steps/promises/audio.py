"""Checks of plug-ins from audio to audio, and of the detectors that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from sanguinaria.adversaries import Adversary, AttackObjective
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import (
    check_finite,
    check_probabilities,
    check_range,
    check_rows,
    check_texts,
    check_waveforms,
    source_of,
)
from sanguinaria.core.plugins import Plugin
from sanguinaria.steps.promises import models
from sanguinaria.steps.promises.probe import (
    CPU,
    Probe,
    Unchecked,
    check_rows_alone,
    disturb_global_generators,
    expect_equal,
)
from sanguinaria.triggers._target_speech import TargetSpeechTrigger
from sanguinaria.watermarks import Marker

if TYPE_CHECKING:
    from sanguinaria.conversions import Conversion
    from sanguinaria.defences import Defence
    from sanguinaria.distortions import Distortion
    from sanguinaria.steps.promises.probe import Rows
    from sanguinaria.triggers import Trigger
    from sanguinaria.watermarks import Watermark

TEXT = "left"
SEED = 7
# Distortions may amplify, but not to the range of integers.
LARGEST_GAIN = 1_000.0
# Keys of which one fits most watermarks that have keys: any text, or bits.
KEYS = ("owner", "0110", "01101001", "0110100110010110")


def check_trigger(trigger: Trigger, probe: Probe) -> None:
    """Check embedding and, where there is one, the detector of a trigger."""
    if trigger.is_identity:
        return
    with _weights(trigger, probe) as weights, torch.inference_mode():
        rows = probe.waveforms(silence=True)
        _check_waveform_function(trigger, lambda: trigger.embedder(probe.sample_rate, CPU, weights), rows, marks=True)
        if trigger.has_detector:
            _check_detector(trigger, lambda: trigger.detector(probe.sample_rate, CPU, weights), rows)


def check_conversion(conversion: Conversion, probe: Probe) -> None:
    """Check a voice conversion with a target that has a voice.

    Raises:
        InputError: it breaks a promise; the message names its file.
        Unchecked: it is left to its job.
    """
    if conversion.has_network:
        raise Unchecked("it loads a pretrained network")
    with torch.inference_mode():
        target = probe.target()
        _check_waveform_function(
            conversion, lambda: conversion.converter(target, probe.sample_rate, CPU), probe.waveforms(), limited=False
        )


def check_defence(defence: Defence, probe: Probe) -> None:
    """Check the transform of a defence of the input, or the repair of one of the model."""
    if defence.is_identity:
        return
    if defence.acts_on == "model":
        models.check_repair(defence, probe)
        return
    _require_no_results(defence)

    def build() -> Callable[[torch.Tensor], torch.Tensor]:
        defend = defence.transform_with_texts(probe.sample_rate, CPU, None)
        return lambda rows: defend(rows, [TEXT] * len(rows))

    with torch.inference_mode():
        _check_waveform_function(defence, build, probe.waveforms(silence=True))


def check_distortion(distortion: Distortion, probe: Probe) -> None:
    """Check a distortion; where it draws nothing, utterances must be independent as well."""
    generator = torch.Generator()

    def distort(rows: torch.Tensor) -> torch.Tensor:
        return distortion.apply(rows, probe.sample_rate, generator.manual_seed(SEED))

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_waveforms(distortion, returned, given, same_length=False)
        assert isinstance(returned, torch.Tensor)
        check_finite(distortion, returned, _names(given))
        check_range(distortion, returned, LARGEST_GAIN)

    rows = probe.waveforms()
    with torch.inference_mode():
        before = generator.manual_seed(SEED).get_state()
        disturb_global_generators()
        first = distort(rows.clone())
        check(first, rows)
        if torch.equal(generator.get_state(), before):
            check_rows_alone(distortion, lambda: distort, rows, check)
            return
        disturb_global_generators()
        expect_equal(
            distortion, first, distort(rows.clone()), "two calls with the same generator", "is drawn from it alone"
        )


def check_watermark(watermark: Watermark, probe: Probe) -> None:
    """Check embedding and detection of a watermark whose weights need no training.

    Raises:
        InputError: it breaks a promise; the message names its file.
        Unchecked: it is left to its job.
    """
    if watermark.references:
        raise Unchecked("it has to be trained first")
    bits = watermark.message_bits
    key = next((key for key in (None, *KEYS) if watermark.key_problem(key) is None), None)
    if watermark.key_problem(key) is not None:
        raise Unchecked("it takes keys of its own")
    try:
        weights = watermark.obtain()
    except InputError as error:
        raise Unchecked(str(error)) from error
    rows = probe.waveforms(silence=True)
    message = "".join("10"[position % 2] for position in range(bits)) or None

    def load() -> Marker:
        marker = watermark.load(weights, probe.sample_rate, CPU, key)
        if not isinstance(marker, Marker):
            raise InputError(
                f"{source_of(watermark)}: load returned {type(marker).__name__}: it has to return a Marker"
            )
        return marker

    def build() -> Callable[[torch.Tensor], torch.Tensor]:
        marker = load()
        return lambda waveforms: marker.mark(waveforms, message)

    with torch.inference_mode():
        _check_waveform_function(watermark, build, rows, marks=True)
        _check_detector(watermark, lambda: load().detect, rows, bits)


def check_adversary(adversary: Adversary, probe: Probe) -> None:
    """Check the perturbations of an adversary, with a speaker encoder of three mean energies where it needs one."""
    if adversary.is_identity:
        return

    def attack(rows: torch.Tensor) -> torch.Tensor:
        objective = None
        if adversary.attacks_encoder:
            references = torch.tensor([[1.0, 2.0, 3.0]]).expand(len(rows), -1)
            objective = AttackObjective(
                embed=_embed, references=references, is_target=torch.ones(len(rows), dtype=torch.bool)
            )
        returned = adversary.perturb(rows, objective, SEED)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise InputError(f"{source_of(adversary)}: perturb has to return waveforms, and a message for each")
        check_texts(adversary, returned[1], len(rows))
        return returned[0]

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_waveforms(adversary, returned, given)
        assert isinstance(returned, torch.Tensor)
        check_finite(adversary, returned, _names(given))
        check_range(adversary, returned, 1.0)

    check_rows_alone(adversary, lambda: attack, probe.waveforms(silence=True), check)


def _embed(waveforms: torch.Tensor) -> torch.Tensor:
    """Energies of the three thirds of an utterance, (utterances, 3); differentiable."""
    return torch.stack([part.square().mean(-1) for part in waveforms.tensor_split(3, dim=-1)], dim=-1) + 1e-6


def _check_waveform_function(
    plugin: Plugin,
    build: Callable[[], Callable[[torch.Tensor], Rows]],
    rows: torch.Tensor,
    *,
    limited: bool = True,
    marks: bool = False,
) -> None:
    """Check a function of waveforms whose results have the shape of the input, and differ from it where it marks."""

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_waveforms(plugin, returned, given)
        assert isinstance(returned, torch.Tensor)
        check_finite(plugin, returned, _names(given))
        if limited:
            check_range(plugin, returned)

    whole = check_rows_alone(plugin, build, rows, check)
    assert isinstance(whole, torch.Tensor)
    if marks and torch.equal(_as_written(whole), _as_written(rows)):
        raise InputError(
            f"{source_of(plugin)} left all test utterances as they are, at 16 bits: it has to change audio, or "
            "to define `is_identity`"
        )


def _as_written(waveforms: torch.Tensor) -> torch.Tensor:
    """Samples as they are in the files of audio, integers of 16 bits."""
    return (32768 * waveforms).round().clamp(-32768, 32767)


def _check_detector(
    plugin: Plugin, build: Callable[[], Callable[[torch.Tensor], object]], rows: torch.Tensor, bits: int | None = None
) -> None:
    """Check a detector: scores (utterances,) and bits (utterances, bits), in [0, 1] each."""

    def built() -> Callable[[torch.Tensor], torch.Tensor]:
        detector = build()

        def detect(waveforms: torch.Tensor) -> torch.Tensor:
            returned = detector(waveforms)
            if not isinstance(returned, tuple) or len(returned) != 2:
                raise InputError(f"{source_of(plugin)}: the detector has to return a Detection, scores and bits")
            check_rows(plugin, returned[0], (len(waveforms),), "scores (utterances,)")
            check_rows(plugin, returned[1], (len(waveforms), bits), "bits (utterances, bits)")
            return torch.cat([returned[0][:, None], returned[1]], dim=1)

        return detect

    check_rows_alone(
        plugin, built, rows, lambda returned, given: check_probabilities(plugin, returned, "scores and bits")
    )


def _names(rows: torch.Tensor) -> list[str]:
    """Names of the utterances of a batch, for messages."""
    return [
        f"test utterance {number}" if bool(row.any()) else "a silent one" for number, row in enumerate(rows, start=1)
    ]


def _require_no_results(plugin: Plugin) -> None:
    """Leave a plug-in to its job where it reads the result of another one, such as trained weights."""
    references = [
        each for value in plugin.references.values() for each in (value if isinstance(value, tuple) else (value,))
    ]
    if rooms := sorted({reference.room for reference in references if not reference.settings}):
        raise Unchecked(f"it reads a result of {' and '.join(rooms)}")


@contextmanager
def _weights(trigger: Trigger, probe: Probe) -> Iterator[Path | None]:
    """The file of a trigger that its jobs have: target speech, or none."""
    from sanguinaria.audio.files import encode_flac, to_int16

    if not isinstance(trigger, TargetSpeechTrigger):
        _require_no_results(trigger)
        yield None
        return
    if trigger.has_network:
        raise Unchecked("it loads a pretrained network")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.flac"
        path.write_bytes(encode_flac(to_int16(probe.target()), probe.sample_rate))
        yield path
