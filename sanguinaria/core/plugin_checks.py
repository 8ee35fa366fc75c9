"""Checks of a plug-in's class when it is loaded: its choices, its names, and what it has to define.

A class variable that the protocol of a room declares, such as ``acts_on`` of a defence, is a choice of the plug-in. A
wrong one, or one under a misspelt name, would be ignored, and its results would look like those of another plug-in.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from sanguinaria.core.plugin_members import member_problems

# Least similarity (difflib's) of two names of which one is taken for a misspelling of the other: `act_on` and `acts_on`
# have 0.92, `embedding` and `embedder` 0.71.
SIMILARITY = 0.85


def class_problems(model: type[BaseModel], protocol: type[BaseModel]) -> list[str]:
    """Return the problems of a plug-in's class, each of which names the attribute, the cause and the fix.

    Args:
        model: class of the plug-in.
        protocol: of its room, from which the class derives.
    """
    problems = [
        *_wrong_choices(model),
        *_misspelt_names(model, protocol),
        *_wrong_configuration(model),
        *member_problems(model, protocol),
    ]
    if not problems and (missing := sorted(getattr(model, "__abstractmethods__", ()))):
        problems.append(f"it does not define {', '.join(missing)}, which {protocol.__name__} demands")
    return problems


def _wrong_configuration(model: type[BaseModel]) -> Iterator[str]:
    """Problems of pydantic's configuration and of types by which a setting, or an identity, would be unreliable."""
    for key, demanded in (("extra", "forbid"), ("frozen", True), ("validate_default", True)):
        if model.model_config.get(key) != demanded:
            yield f"its model_config has {key}={model.model_config.get(key)!r}: leave out {key}, which is {demanded!r}"
    for name, field in model.model_fields.items():
        if {set, frozenset} & set(_types_within(field.annotation)):
            yield f"{name} is a set, whose order differs between processes, and so would identities: make it a tuple"


def _types_within(annotation: Any) -> Iterator[Any]:
    """The type of an annotation, and those that it is built from."""
    yield get_origin(annotation) or annotation
    for argument in get_args(annotation):
        yield from _types_within(argument)


def _wrong_choices(model: type[BaseModel]) -> Iterator[str]:
    """Problems of the values of declared class variables."""
    for name, declared in _declared_choices(model).items():
        if name in model.model_fields:
            yield f"{name} is a choice of the class and no setting: write `{name}: ClassVar[...] = ...`"
        elif (static := inspect.getattr_static(model, name, None)) is None and not hasattr(model, name):
            yield f"{name} is missing: {_described(declared)}"
        elif isinstance(static, property) or not _fits(getattr(model, name), declared):
            yield f"{name} = {_shown(static)} is not allowed: {_described(declared)}"


def _shown(value: object) -> str:
    return "a property" if isinstance(value, property) else repr(value)


def _declared_choices(model: type[BaseModel]) -> dict[str, Any]:
    """Type of each class variable, by the class that declared it first, which is the protocol or a base of it."""
    declared: dict[str, Any] = {}
    for base in model.__mro__:
        annotations = vars(base).get("__annotations__", {})
        for name in vars(base).get("__class_vars__", ()):
            if name in annotations and (hint := _class_variable(base, name, annotations[name])) is not None:
                declared[name] = hint
    return declared


def _class_variable(owner: type, name: str, annotation: object) -> Any:
    """Type within an annotation ``ClassVar[...]``; ``None`` where it cannot be evaluated, or gives no type."""
    alone = type(owner.__name__, (), {"__annotations__": {name: annotation}, "__module__": owner.__module__})
    try:
        hint = get_type_hints(alone)[name]
    except NameError:  # a name that is imported for type checkers only
        return None
    return get_args(hint)[0] if get_origin(hint) is ClassVar else None


@cache
def _adapter(declared: Any) -> TypeAdapter[Any]:
    return TypeAdapter(declared)


def _fits(value: object, declared: Any) -> bool:
    try:
        _adapter(declared).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _described(declared: Any) -> str:
    """The allowed values, or the type of them."""
    if values := [argument for argument in get_args(declared) if isinstance(argument, str)]:
        return f"it is {' or '.join(map(repr, values))}"
    return f"it is of the type {getattr(declared, '__name__', declared) if isinstance(declared, type) else declared}"


def _misspelt_names(model: type[BaseModel], protocol: type[BaseModel]) -> Iterator[str]:
    """Problems of names that the plug-in's own classes define, and that are nearly those of the protocol."""
    known = {name for name in dir(protocol) if not name.startswith("_") and name not in dir(BaseModel)}
    choices = _declared_choices(protocol)
    bases = [base for base in model.__mro__ if base not in protocol.__mro__ and issubclass(base, protocol)]
    overridden = {name for base in bases for name in vars(base)}
    for name in sorted(_own_names(bases) - known - set(protocol.model_fields)):
        near = difflib.get_close_matches(name, known - overridden, n=1, cutoff=SIMILARITY)
        if near and (name not in model.model_fields or _is_meant(model, name, choices.get(near[0]))):
            yield f"{name} is unknown to {protocol.__name__}; did you mean {near[0]!r}? Otherwise rename it"


def _own_names(bases: list[type[BaseModel]]) -> set[str]:
    names = {name for base in bases for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    return {name for name in names if not name.startswith(("_", "model_"))}


def _is_meant(model: type[BaseModel], name: str, declared: Any) -> bool:
    """Whether a setting is taken for a misspelt choice of the class: its default would be one."""
    return declared is not None and _fits(model.model_fields[name].default, declared)
