"""The hash of a stage's code, by which a stale result is noticed.

The closure of a file is itself and every module of this package that it imports, directly or not, function-level
imports included, and the versions of the libraries that they import. Each file is hashed by its
:class:`~sanguinaria.plan.source_summary.SourceSummary`, which is kept on disk by the file's content: most processes
parse no source at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.plan import source_summary
from sanguinaria.plan.library_versions import is_library, library_version
from sanguinaria.plan.source_summary import SourceSummary, summarise

PACKAGE = Path(__file__).parents[1]
# Modules that start a job's process and take no part in its work: a test of theirs compares the results of a workflow
# with and without them. They are in no closure, so that a change of theirs runs nothing anew.
TRANSPORT = frozenset({"sanguinaria.workflow.warm_process"})


class SourceCode:
    """The package's source files and the workflow scripts, as they are when the object is made.

    Args:
        scripts: folder of the workflow scripts.
        store: JSON file that keeps the summaries between processes; ``None`` for none. One that is damaged, or cannot
            be written, is ignored.
    """

    def __init__(self, scripts: Path | None = None, store: Path | None = None) -> None:
        self._summaries: dict[Path, SourceSummary] = {}
        if store is not None:
            self._summarise_all(sorted([*PACKAGE.rglob("*.py"), *(scripts.glob("*.py") if scripts else ())]), store)

    def _summarise_all(self, paths: Sequence[Path], store: Path) -> None:
        """Summarise files, of which those that the store knows are not parsed."""
        known = _read(store)
        keys = {path: _key(path) for path in paths}
        for path, key in keys.items():
            with suppress(SyntaxError):  # what reaches a plug-in that cannot be parsed stops, and nothing else
                self._summaries[path] = known.get(key) or _summary(path)
        current = {keys[path]: summary for path, summary in self._summaries.items()}
        if current.keys() != known.keys():
            _write(store, current)

    @cache
    def fingerprint(self, *paths: Path, formats: Sequence[str] = ()) -> str:
        """Return the hash of the source closure of files, and of the versions of the libraries that it imports: 16
        hexadecimal digits, independent of the project's folder.

        Args:
            paths: of the files.
            formats: number formats that are hashed with them.

        Raises:
            SyntaxError: a file of the closure is not Python.
        """
        closure = self.closure(paths)
        versions = (f"library {name} {library_version(name)}" for name in self.libraries(closure))
        numbers = (f"number format {name}" for name in formats)
        digests = sorted([*map(self._labelled_digest, closure), *versions, *numbers])
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]

    def closure(self, paths: Iterable[Path]) -> set[Path]:
        """Return files, and all files of the package that they import, directly or not."""
        closure: set[Path] = set()
        pending = list(paths)
        while pending:
            path = pending.pop()
            if path not in closure:
                closure.add(path)
                pending.extend(self._imported(path))
        return closure

    def libraries(self, paths: Iterable[Path]) -> set[str]:
        """Return the top-level modules of the libraries that files import and whose versions count."""
        names = {module.partition(".")[0] for path in paths for module in self._summary(path).imports}
        return set(filter(is_library, names))

    @cache
    def _labelled_digest(self, path: Path) -> str:
        return f"{label(path)} {self._summary(path).digest}"

    def _summary(self, path: Path) -> SourceSummary:
        if path not in self._summaries:
            self._summaries[path] = _summary(path)
        return self._summaries[path]

    @cache
    def _imported(self, path: Path) -> tuple[Path, ...]:
        modules = (module_path(name) for name in self._summary(path).imports if name not in TRANSPORT)
        return tuple(module for module in modules if module is not None)


def module_path(name: str) -> Path | None:
    """Return the file of a module of this package, or ``None`` where there is none of that name."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for candidate in (base / "__init__.py", base.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def label(path: Path) -> str:
    """Return the name of a file that is the same in every checkout."""
    # Resolved before they are compared: the project may be reached through a link.
    file, root = path.resolve(), PACKAGE.parent.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def _package(path: Path) -> tuple[str, ...]:
    """The names of the package that a file is in; none for a workflow script."""
    return path.parent.relative_to(PACKAGE.parent).parts if path.is_relative_to(PACKAGE) else ()


def _summary(path: Path) -> SourceSummary:
    return summarise(path.read_bytes(), _package(path), str(path))


def _key(path: Path) -> str:
    """The key of a file's summary: its package, and a hash of its content."""
    return f"{'.'.join(_package(path))} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _algorithm() -> str:
    """A hash of the code that makes summaries: of another one, none is used."""
    return hashlib.sha256(Path(source_summary.__file__).read_bytes()).hexdigest()


def _read(store: Path) -> dict[str, SourceSummary]:
    try:
        content = json.loads(store.read_text(encoding="utf-8"))
        if content["algorithm"] != _algorithm():
            return {}
        return {key: SourceSummary(digest, tuple(imports)) for key, (digest, imports) in content["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(store: Path, summaries: Mapping[str, SourceSummary]) -> None:
    content = {"algorithm": _algorithm(), "sources": dict(sorted(summaries.items()))}
    with suppress(OSError):  # a folder that cannot be written costs the time, and nothing else
        write_text(store, json.dumps(content))
