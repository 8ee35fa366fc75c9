"""The hash of a stage's code: what it would take to notice that a result is stale.

The closure of a file is itself and every module of this package that it imports, directly or not, function-level imports
included. Each is hashed as a parsed tree without docstrings, so comments, formatting and documentation change nothing.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def fingerprint(paths: Iterable[Path]) -> str:
    """Hash of the source closure of ``paths``, 16 hexadecimal digits, independent of where the project lies."""
    closure: set[Path] = set()
    pending = list(paths)
    while pending:
        path = pending.pop()
        if path not in closure:
            closure.add(path)
            pending.extend(_imported(path))
    digests = sorted(f"{_label(path)} {_digest(path)}" for path in closure)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def module_path(name: str) -> Path | None:
    """The file of a module of this package, or ``None`` where there is none of that name."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for candidate in (base / "__init__.py", base.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return tree


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        # An empty body cannot be compiled, but it is only hashed here.
        node.body = node.body[1:]


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(ast.dump(_tree(path)).encode()).hexdigest()


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    found = {module_path(name) for node in ast.walk(_tree(path)) for name in _names(node)}
    return tuple(sorted(path for path in found if path is not None))


def _names(node: ast.AST) -> Iterator[str]:
    """Every module that an import statement may execute: parents of a package too."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        return
    for module in modules:
        parts = module.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _label(path: Path) -> str:
    """A name that is the same in every checkout."""
    root = PACKAGE.parent
    return path.resolve().relative_to(root.resolve()).as_posix() if path.is_relative_to(root) else path.name
