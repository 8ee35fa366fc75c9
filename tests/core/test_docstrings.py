"""Public docstrings have the sections of Google's style where they apply, and networks state their shapes.

The rules:

- A public function at the level of a module with three or more parameters has ``Args:``. Of fewer, the first paragraph
  may say all there is.
- Where it has ``Args:`` and returns a value, it has ``Returns:`` or ``Yields:``, unless its first line begins with a
  verb whose object is that value, as in "Return …" and "Compute …".
- A public function that raises an exception itself has ``Raises:``.
- A public class whose ``__init__`` takes three or more parameters describes them under ``Args:``, in its own docstring
  or in the constructor's.
- A public ``nn.Module`` with a ``forward`` of its own has ``Shape:``.

Methods are exempt: most of them implement a method that a room's ``__init__.py`` documents. So are names with a leading
underscore.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "sanguinaria").rglob("*.py"))
# Modules whose docstrings may be incomplete: none. `python tests/core/test_docstrings.py` prints incomplete modules.
EXEMPT: frozenset[str] = frozenset()

# A function with as many parameters describes each of them.
MANY_PARAMETERS = 3
# Verbs after which a first line names the value that is returned.
RETURNING_VERBS = ("Return", "Compute", "Estimate", "Draw", "Yield", "Iterate")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parameters(function: Function) -> list[str]:
    """Return the names of a function's parameters, without ``self`` and ``cls``."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names += [argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [name for name in names if name not in ("self", "cls")]


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Iterate over the nodes of a function without those of functions and classes defined in it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def returns_a_value(function: Function) -> bool:
    return function.returns is not None and ast.unparse(function.returns) not in ("None", "NoReturn")


def raises(function: Function) -> bool:
    """Return whether a function raises an exception of its own.

    Re-raising, abstract functions and exits of a program do not count.
    """
    exceptions = [ast.unparse(node.exc) for node in own_nodes(function) if isinstance(node, ast.Raise) and node.exc]
    return any(not exception.startswith(("NotImplementedError", "SystemExit")) for exception in exceptions)


def is_module(node: ast.ClassDef) -> bool:
    """Return whether a class is a network by the name of a base class: ``nn.Module`` or ``torch.nn.Module``."""
    return any(ast.unparse(base) in ("nn.Module", "torch.nn.Module", "Module") for base in node.bases)


def missing_of_function(function: Function) -> list[str]:
    text = ast.get_docstring(function) or ""
    missing = []
    if len(parameters(function)) >= MANY_PARAMETERS and "Args:" not in text:
        missing.append("Args:")
    described = "Returns:" in text or "Yields:" in text or text.startswith(RETURNING_VERBS)
    if (missing or "Args:" in text) and returns_a_value(function) and not described:
        missing.append("Returns:")
    if raises(function) and "Raises:" not in text:
        missing.append("Raises:")
    return missing if text else ["a docstring"]


def missing_of_class(node: ast.ClassDef) -> list[str]:
    text = ast.get_docstring(node) or ""
    methods = {child.name: child for child in node.body if isinstance(child, ast.FunctionDef)}
    missing = []
    if (constructor := methods.get("__init__")) and len(parameters(constructor)) >= MANY_PARAMETERS:
        missing += [] if "Args:" in text + (ast.get_docstring(constructor) or "") else ["Args:"]
    if is_module(node) and "forward" in methods:
        missing += [] if "Shape:" in text + (ast.get_docstring(methods["forward"]) or "") else ["Shape:"]
    return missing if text else ["a docstring"]


def violations(path: Path) -> list[str]:
    """Return one line for each public function or class of a module whose docstring lacks a section."""
    lines = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            missing = missing_of_class(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            missing = missing_of_function(node)
        else:
            continue
        if missing:
            lines.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has no {', '.join(missing)}")
    return lines


@pytest.mark.parametrize("path", [path for path in MODULES if str(path.relative_to(ROOT)) not in EXEMPT], ids=str)
def test_public_docstrings_are_complete(path):
    assert not violations(path), "\n".join(violations(path))


def test_only_incomplete_modules_are_exempt():
    complete = [name for name in sorted(EXEMPT) if not (ROOT / name).is_file() or not violations(ROOT / name)]
    assert not complete, f"remove from EXEMPT: {complete}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a): pass", ["a docstring"]),
        ("def f(a, b, c):\n    'Text.'", ["Args:"]),
        ("def f(a, b) -> int:\n    'Text.'", []),
        ("def f(a, b) -> int:\n    '''Text.\n\n    Args:\n        a: one.\n    '''", ["Returns:"]),
        ("def f(a, b) -> int:\n    '''Return b.\n\n    Args:\n        a: one.\n    '''", []),
        ("def f(a):\n    'Text.'\n    raise ValueError(a)", ["Raises:"]),
        ("def f(a):\n    'Text.'\n    def g():\n        raise ValueError(a)", []),
        ("class A(nn.Module):\n    'Text.'\n    def forward(self, x): pass", ["Shape:"]),
        ("class A:\n    'Text.'\n    def __init__(self, a, b, c): pass", ["Args:"]),
        ("class A:\n    'Text.'\n    def __init__(self, a, b): pass", []),
    ],
)
def test_missing_sections_are_found(code, expected):
    node = ast.parse(code).body[0]
    assert (missing_of_class(node) if isinstance(node, ast.ClassDef) else missing_of_function(node)) == expected


if __name__ == "__main__":
    for module in MODULES:
        if lacking := violations(module):
            print(f'        "{module.relative_to(ROOT)}",  # {len(lacking)}')
