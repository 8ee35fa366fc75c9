"""The hash of a stage's code, by which a stale result is noticed.

The closure of a file is itself and every module of this package that it imports, directly or not, function-level
imports included. Each is hashed as a parsed tree without docstrings, so comments, formatting and documentation change
nothing; nor does the version of Python.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def fingerprint(paths: Iterable[Path]) -> str:
    """Return the hash of the source closure of files: 16 hexadecimal digits, independent of the project's folder."""
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
    """Return the file of a module of this package, or ``None`` where there is none of that name."""
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
            # An empty body cannot be compiled, but it is only hashed here.
            node.body = [statement for statement in node.body if not _is_idle(statement)]
    return tree


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement does nothing: a docstring, of an attribute too, or its substitute in an empty body."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(_written(_tree(path)).encode()).hexdigest()


def _written(node: object) -> str:
    """Return a tree as text without its empty fields, of which each version of Python has more."""
    if isinstance(node, ast.AST):
        fields = (f"{name}={_written(value)}" for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({', '.join(fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_written, node))}]"
    return repr(node)


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    package = path.parent.relative_to(PACKAGE.parent).parts if path.is_relative_to(PACKAGE) else ()
    paths = {module_path(name) for node in ast.walk(_tree(path)) for name in _names(node, package)}
    return tuple(sorted(path for path in paths if path is not None))


def _names(node: ast.AST, package: Sequence[str]) -> Iterator[str]:
    """Every module that an import statement in a module of ``package`` may execute, with the parent packages."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        parents = package[: len(package) + 1 - node.level] if node.level else ()
        base = ".".join([*parents, *filter(None, [node.module])])
        modules = [base, *(f"{base}.{alias.name}" for alias in node.names)]
    else:
        return
    for module in modules:
        parts = module.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _label(path: Path) -> str:
    """The file's name, which is the same in every checkout."""
    # Resolved before they are compared: the project may be reached through a link.
    file, root = path.resolve(), PACKAGE.parent.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
