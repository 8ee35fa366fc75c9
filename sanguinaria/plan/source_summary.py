"""The summary of a source file, on which the hash of a stage's code depends: its statements, and what they import.

Statements are a parsed tree without docstrings, so comments, formatting and documentation change nothing; nor does the
version of Python.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class SourceSummary(NamedTuple):
    """A source file without its layout.

    Attributes:
        digest: hash of its statements, 64 hexadecimal digits.
        imports: sorted names of the modules that its import statements may execute, with their parent packages.
    """

    digest: str
    imports: tuple[str, ...]


def summarise(source: bytes, package: Sequence[str], name: str = "<source>") -> SourceSummary:
    """Compute the summary of a source file.

    Args:
        source: of the file.
        package: the names of the package that the module is in, from the outermost; relative imports start there.
        name: of the file, for error messages.

    Raises:
        SyntaxError: the source is not Python.
    """
    tree = ast.parse(source, filename=name)
    imports = {module for node in ast.walk(tree) for module in _imported_modules(node, package)}
    return SourceSummary(
        hashlib.sha256(_written(_without_docstrings(tree)).encode()).hexdigest(), tuple(sorted(imports))
    )


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree, changed in place."""
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


def _written(node: object) -> str:
    """Return a tree as text without its empty fields, of which each version of Python has more."""
    if isinstance(node, ast.AST):
        fields = (f"{name}={_written(value)}" for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({', '.join(fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_written, node))}]"
    return repr(node)


def _imported_modules(node: ast.AST, package: Sequence[str]) -> Iterator[str]:
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
