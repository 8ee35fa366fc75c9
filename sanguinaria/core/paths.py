"""Folders of the workflow, relative to its working directory."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path("results")
# Downloaded archives and weights.
DOWNLOADS = RESULTS / "downloads"
# Files that the processes of a working directory share. They may be deleted.
SHARED = Path(".snakemake") / "sanguinaria"
# Where the recordings of the current run's corpora lie, for its jobs.
LOCATIONS = SHARED / "locations.json"
# Digests of recordings, a file for each folder of them.
CONTENTS = SHARED / "contents"
# The names of entries behind the results of the current run, for the logs of its jobs: a line of key, tab, text each.
ENTRY_NAMES = SHARED / "entries.tsv"
