"""A Python callable ``module:function``, from waveforms (utterances, samples) to labels or probabilities."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.suspects import Answer, Suspect
from sanguinaria.ownership.suspects._waveforms import AudioFormat, answers_of_array, read_waveforms


class Function(Suspect):
    """A function of the user's.

    Args:
        name: ``module:function``; the module is found in the working folder, too.
        audio: of the waveforms, float32.
        labels: of the columns of an array that it returns.
        logits: whether such an array is of logits.

    Raises:
        InputError: there is no such function.
    """

    def __init__(self, name: str, audio: AudioFormat, labels: Sequence[str], logits: bool) -> None:
        module, _, function = name.partition(":")
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            self._function = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(f"{name}: no such function ({error}); give module:function") from error
        self._name, self._audio, self._labels, self._logits = name, audio, labels, logits

    def answer(self, files: Sequence[Path]) -> list[Answer]:
        waveforms = read_waveforms(files, self._audio)
        try:
            values = self._function(waveforms)
        except Exception as error:  # whatever the user's function raises, the message is to name it
            raise InputError(f"{self._name} raised {type(error).__name__}: {error}") from error
        return answers_of_array(values, len(files), self._labels, self._logits)
