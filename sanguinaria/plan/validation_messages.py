"""Validation messages: pydantic's errors for someone who writes YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from sanguinaria.core.plugins import Settings
from sanguinaria.core.suggestions import misread_scalar, unknown_name
from sanguinaria.plan.source_locations import Place

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def explanations(
    details: Iterable[ErrorDetails], model: type[Settings], settings: Mapping[Any, Any]
) -> Iterator[tuple[Place, str]]:
    """Yield the places of pydantic's errors within the settings, and a message for each.

    Args:
        details: pydantic's errors.
        model: of the settings.
        settings: as the configuration has them.
    """
    messages: dict[Place, list[str]] = {}
    for detail in details:
        messages.setdefault(_place(detail, settings), []).append(_message(detail, model))
    for place, alternatives in messages.items():
        # An invalid part makes the whole invalid: its list is too short without it, or no type of a union fits.
        if not any(other[: len(place)] == place and other != place for other in messages):
            yield place, "; or: ".join(alternatives)


def _place(detail: ErrorDetails, settings: Any) -> Place:
    """The place of an error, without the names that pydantic inserts for the types of a union."""
    if detail["type"] == "invalid_key":
        return (*detail["loc"][:-1], detail["input"])
    missing = detail["loc"][-1:] if detail["type"] == "missing" else ()
    place: list[Any] = []
    for part in detail["loc"]:
        if isinstance(settings, Mapping) and (part in settings or part in missing):
            settings = settings.get(part)
        elif isinstance(settings, list | tuple) and isinstance(part, int):
            settings = settings[part]
        else:
            continue
        place.append(part)
    return tuple(place)


def _message(detail: ErrorDetails, model: type[Settings]) -> str:
    given = detail["input"]
    contrast = f", not {given!r}" if len(repr(given)) < 80 else ""
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_setting(detail["loc"][-1], _model_at(detail["loc"], model))
        case "invalid_key":
            return _unknown_setting(given, _model_at(detail["loc"], model))
        case "literal_error":
            return unknown_name("value", given, re.findall("'([^']+)'", detail["ctx"]["expected"]))
        case "string_type" | "path_type" if isinstance(given, bool | int | float):
            return misread_scalar(given)
        case "value_error":
            return str(detail["ctx"]["error"])
        case "missing":
            return "is missing"
        case "too_short":
            return "should not be empty"
        case "tuple_type":
            return f"should be a list{contrast}"
        case "model_type":
            return f"should map settings to values{contrast}"
    message = detail["msg"].removeprefix("Input ")
    return message[0].lower() + message[1:] + contrast


def _unknown_setting(name: Any, model: type[Settings] | None) -> str:
    if model is not None and name in model.renamed:
        return f"setting {name!r} is now called {model.renamed[name]!r}"
    return unknown_name("setting", name, () if model is None else model.model_fields)


def _model_at(location: tuple[int | str, ...], model: type[Settings]) -> type[Settings] | None:
    """The settings that hold the last part of a location."""
    for part in location[:-1]:
        # A position in a list is no field: the type of its items belongs to the field of the list.
        if isinstance(part, int):
            continue
        within = _settings_within(model.model_fields[part].annotation) if part in model.model_fields else None
        if within is None:
            return None
        model = within
    return model


def _settings_within(annotation: Any) -> type[Settings] | None:
    """The settings class in a field's type: itself, in a union, or the items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next(filter(None, map(_settings_within, get_args(annotation))), None)
