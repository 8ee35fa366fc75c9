"""Folders of the workflow, relative to its working directory."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path("results")
# Downloaded archives and weights.
DOWNLOADS = RESULTS / "downloads"
