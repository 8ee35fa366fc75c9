"""Sanguinaria: what hidden marks in audio do to the models trained on it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sanguinaria")
except PackageNotFoundError:  # run from a source tree, as conda environments do
    __version__ = "0+source"
