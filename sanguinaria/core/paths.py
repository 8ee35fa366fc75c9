"""Folders of the workflow, relative to where it runs."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path("results")
# Archives and weights that had to be downloaded.
DOWNLOADS = RESULTS / "downloads"
