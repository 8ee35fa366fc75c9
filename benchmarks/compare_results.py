"""Comparison of the tables and figures of two checkouts: the check of a change that is to move code and no number.

    python benchmarks/compare_results.py OLD/results NEW/results --renamed heard=test_trigger read=decoded_mark

Files are compared byte by byte, names apart: renamed columns and entries are replaced in the old files, wherever they
stand as a word. Provenance, which has times and commits, is left out, and measured times differ in every run. The exit
status is 1 where a file differs or is on one side only.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from fnmatch import fnmatch
from pathlib import Path

FOLDERS = ("tables", "figures")
# Changed lines of a file that are printed.
SHOWN = 12


def comparisons(old: Path, new: Path, renamed: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """For each file its name, how the two compare, and the changed lines."""
    before, after = _made(old), _made(new)
    for name in sorted({**before, **after}):
        if name not in before or name not in after:
            yield name, "on one side only", []
        else:
            yield name, *_compare(before[name], after[name], renamed)


def _made(results: Path) -> dict[str, Path]:
    paths = (path for folder in FOLDERS for path in (results / folder).glob("*") if path.is_file())
    return {str(path.relative_to(results)): path for path in paths if not path.name.endswith(".provenance.json")}


def _compare(old: Path, new: Path, renamed: Mapping[str, str]) -> tuple[str, list[str]]:
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return "identical", []
    try:
        texts = _rename(before.decode(), old.suffix, renamed), after.decode()
    except UnicodeDecodeError:
        return "different", []
    if texts[0] == texts[1]:
        return "identical but for names", []
    changes = unified_diff(*(text.splitlines() for text in texts), lineterm="", n=0)
    return "different", [line for line in changes if line[:2] not in ("--", "++", "@@")]


def _rename(text: str, suffix: str, renamed: Mapping[str, str]) -> str:
    for old, new in renamed.items():
        # LaTeX escapes the underscore.
        names = [name.replace("_", r"\_") if suffix == ".tex" else name for name in (old, new)]
        text = re.sub(rf"\b{re.escape(names[0])}\b", lambda _, name=names[1]: name, text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the tables and figures of two checkouts.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--files", default="*", metavar="PATTERN", help="of the names of the files to compare")
    parser.add_argument("--renamed", nargs="*", default=[], metavar="OLD=NEW", help="columns and entries")
    arguments = parser.parse_args()
    renamed = dict(pair.split("=", 1) for pair in arguments.renamed)
    counts: Counter[str] = Counter()
    for name, result, changes in comparisons(arguments.old, arguments.new, renamed):
        if not fnmatch(name, arguments.files):
            continue
        counts[result] += 1
        print(f"{result:<24}{name}")
        for line in changes[:SHOWN]:
            print(f"    {line[:160]}")
    print(", ".join(f"{count} {result}" for result, count in sorted(counts.items())) or "no tables or figures")
    sys.exit(1 if not counts or counts.keys() - {"identical", "identical but for names"} else 0)


if __name__ == "__main__":
    main()
