"""Distill-MOS (Stahl & Gamper, 2025, arXiv:2502.05356): predicted MOS of an utterance, 1 to 5.

A small network, distilled from a large one on wav2vec 2.0 XLS-R features; network and weights (MIT) are those of the
package ``distillmos`` 0.9.1. Its input is 7.68 seconds long, and a shorter utterance is padded with silence: one second
costs as much as seven. Each utterance is normalised to full level, so that loudness does not count.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from sanguinaria.core.errors import InputError
from sanguinaria.metrics._no_reference import NoReferenceMos

if TYPE_CHECKING:
    import numpy as np


class Distillmos(NoReferenceMos):
    """MOS predicted by Distill-MOS."""

    heading: ClassVar[str] = "Distill-MOS"
    sample_rate: ClassVar[int | None] = 16000

    def predict_mos(self, audio: np.ndarray, sample_rate: int) -> float:
        import torch

        with torch.inference_mode():
            return float(_network()(torch.from_numpy(audio.astype("float32"))[None]))


@cache
def _network() -> Any:
    """Load the network, once in a process."""
    try:
        model_class = import_model_class()
    except ImportError as error:
        raise InputError(
            f"Distill-MOS is not installed ({error}). Fix: `sh envs/sanguinaria.post-deploy.sh` in this environment, "
            "or pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0"
        ) from error
    with redirect_stdout(StringIO()):  # the package prints the path of its weights
        return model_class().eval()


def import_model_class() -> Any:
    """Import the package's network without torchaudio, which the package imports for its command line alone.

    A wheel of torchaudio that is built against CUDA does not load beside a CPU-only torch.

    Raises:
        ImportError: the package is not installed.
    """
    placeholder = "torchaudio" not in sys.modules
    if placeholder:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        from distillmos import ConvTransformerSQAModel
    finally:
        if placeholder:
            del sys.modules["torchaudio"]
    return ConvTransformerSQAModel
