"""Mel spectrograms of an utterance, as attacks and defences leave it: TDAP's Figure 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sanguinaria.adversaries._probes import probe_names, read_waveforms
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.nn.filter_banks import HOP, LogFilterBanks
from sanguinaria.reports.figures import STYLE, save

# Inches of a picture, and what the names of the rows take.
WIDTH, HEIGHT, MARGIN = 1.8, 1.3, 0.6
# dB below the loudest cell of all pictures: what is fainter is black.
RANGE = 80.0
DECIBELS = 10 / np.log(10)


def write_spectrograms(pictures: Sequence[Mapping[str, Any]], trial: int, bands: int, svg: Path, png: Path) -> None:
    """Draw the pictures, and write them in both formats.

    Args:
        pictures: for each the names ``attack`` and ``defence``, the path ``trials``, the paths ``audio``, and ``side``
            and ``per_trial`` (:mod:`sanguinaria.adversaries._probes`).
        trial: which one's utterance is shown, counted from 0.
        bands: of the mel scale.
        svg, png: where the figure goes.

    Raises:
        InputError: there are fewer trials.
    """
    levels = [mel_levels(*_utterance(picture, trial), bands) for picture in pictures]
    with style.context(["default", STYLE]):
        save(_figure(pictures, levels), svg, png)


def mel_levels(waveform: np.ndarray, sample_rate: int, bands: int) -> np.ndarray:
    """Compute the levels of mel energies.

    Args:
        waveform: (samples,).
        sample_rate: in Hz.
        bands: of the mel scale.

    Returns:
        Levels in dB, (bands, frames).
    """
    with torch.inference_mode():
        energies = LogFilterBanks(bands, sample_rate)(torch.from_numpy(waveform)[None, None])[0].numpy()
    levels: np.ndarray = DECIBELS * energies
    return levels


def _utterance(picture: Mapping[str, Any], trial: int) -> tuple[np.ndarray, int]:
    table = parquet.read(Path(picture["trials"]))
    if trial >= len(table):
        raise InputError(f"spectrograms: trial {trial} is requested, and there are {len(table)}, counted from 0")
    name = probe_names(table, picture["side"], picture["per_trial"])[trial]
    waveforms, sample_rate = read_waveforms([Path(path) for path in picture["audio"]], [name])
    return waveforms[name], sample_rate


def _figure(pictures: Sequence[Mapping[str, Any]], levels: Sequence[np.ndarray]) -> Figure:
    attacks, defences = (list(dict.fromkeys(picture[key] for picture in pictures)) for key in ("attack", "defence"))
    drawn = Figure(figsize=(WIDTH * len(defences) + MARGIN, HEIGHT * len(attacks) + MARGIN), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = drawn.subplots(len(attacks), len(defences), squeeze=False, sharex=True, sharey=True)
    loudest = max(float(decibels.max()) for decibels in levels)
    for picture, decibels in zip(pictures, levels, strict=True):
        row, column = attacks.index(picture["attack"]), defences.index(picture["defence"])
        shown = _draw(axes[row, column], decibels, loudest)
        if row == 0:
            axes[row, column].set_title(picture["defence"])
        if column == 0:
            axes[row, column].set_ylabel(f"{picture['attack']}\nmel band")
        if row == len(attacks) - 1:
            axes[row, column].set_xlabel("seconds")
    drawn.colorbar(shown, ax=axes, label="dB, relative to the loudest")
    return drawn


def _draw(axes: Axes, levels: np.ndarray, loudest: float) -> Any:
    bands, frames = levels.shape
    axes.grid(visible=False)
    return axes.imshow(
        levels - loudest,
        vmin=-RANGE,
        vmax=0,
        cmap="magma",
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, frames * HOP, 0.5, bands + 0.5),
    )
