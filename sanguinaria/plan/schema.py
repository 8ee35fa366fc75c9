"""The JSON schema of configuration files, for editors and for the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin
from sanguinaria.plan.sections import ROOMS, TARGETS


def schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, from the settings of the plug-ins and of the targets."""
    classes = [(room, plugins.find(room, kind)) for room in ROOMS for kind in plugins.kinds(room)]
    inputs: list[Any] = [(model, "validation") for _, model in classes]
    references, definitions = models_json_schema(
        [*inputs, *((model, "validation") for model in TARGETS.values())], ref_template="#/$defs/{model}"
    )
    for _, model in classes:
        body = definitions["$defs"][_definition(references, model)]
        body["properties"] = {"kind": {"const": plugins.kind_of(model)}, **body.get("properties", {})}
        body["required"] = ["kind", *body.get("required", [])]
    sections = {
        room: {
            "type": "object",
            "additionalProperties": {"oneOf": [references[(model, "validation")] for r, model in classes if r == room]},
        }
        for room in ROOMS
    }
    for section, target in TARGETS.items():
        sections[section] = {"type": "object", "additionalProperties": references[(target, "validation")]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sanguinaria",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
        **definitions,
    }


def _definition(references: Mapping[Any, Any], model: type[Plugin]) -> str:
    return str(references[(model, "validation")]["$ref"]).rpartition("/")[2]
