"""The configuration reference: one page for each section, generated from the JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sanguinaria.core import plugins
from sanguinaria.plan.schema import schema
from sanguinaria.plan.sections import ROOMS, TARGETS
from sanguinaria.workflow.generated_pages.markdown import code, first_paragraph, plain, table

HEADINGS = ("setting", "type", "default", "range", "description")
BOUNDS = (
    ("exclusiveMinimum", ">\N{NO-BREAK SPACE}{}"),
    ("minimum", "≥\N{NO-BREAK SPACE}{}"),
    ("exclusiveMaximum", "<\N{NO-BREAK SPACE}{}"),
    ("maximum", "≤\N{NO-BREAK SPACE}{}"),
    ("minItems", "entries: at least {}"),
    ("maxItems", "entries: at most {}"),
    ("minLength", "characters: at least {}"),
    ("maxLength", "characters: at most {}"),
    ("pattern", "matches `{}`"),
)

Schema = Mapping[str, Any]


def configuration_pages() -> dict[str, str]:
    """Return the overview and the page of each section: path below ``docs/`` → text in Markdown."""
    whole = schema()
    definitions: Mapping[str, Schema] = whole["$defs"]
    pages = {"configuration/index.md": _overview()}
    for section in whole["properties"]:
        body = _room(section, definitions) if section in ROOMS else _target(section, definitions)
        pages[f"configuration/{section}.md"] = body
    return pages


def _overview() -> str:
    rooms = [[f"[{room}]({room}.md)", _summary(room), ", ".join(map(code, plugins.kinds(room)))] for room in ROOMS]
    targets = [[f"[{section}]({section}.md)", first_paragraph(TARGETS[section].__doc__)] for section in TARGETS]
    return "\n".join(
        [
            "# Configuration\n",
            "`config.yaml` has a section for each kind of part, whose entries have names that you choose, and a "
            "section for each kind of product. The name of a product is a target: `snakemake NAME --cores 2` makes its "
            "table or figure. Overlays that are given with `--configfile` merge into `config.yaml`; of a setting that "
            "several files give, the last one counts. An editor that supports YAML schemas completes the keys from "
            "`config/schema.json`.\n",
            "All errors of a configuration are reported at once, with file and line, before anything runs: "
            "`snakemake -n --configfile my.yaml`.\n",
            "## Parts\n",
            "An entry is a name, a `kind`, and the settings of that kind. Settings that are left out have the defaults "
            "of the tables on each page; settings without a default are required.\n",
            table(["section", "contents", "kinds"], rooms),
            "## Products\n",
            table(["section", "contents"], targets),
        ]
    )


def _summary(room: str) -> str:
    import importlib

    paragraph = first_paragraph(importlib.import_module(f"sanguinaria.{room}").__doc__)
    return paragraph.partition(": ")[2] or paragraph


def _room(room: str, definitions: Mapping[str, Schema]) -> str:
    """Return the page of a section of plug-ins: a table of settings for each kind."""
    import importlib

    kinds = plugins.kinds(room)
    by_kind = {
        kind: body
        for body in definitions.values()
        if (kind := body.get("properties", {}).get("kind", {}).get("const")) in kinds
        and body.get("title") == plugins.find(room, kind).__name__
    }
    parts = [
        f"# {room}\n",
        f"{plain(importlib.import_module(f'sanguinaria.{room}').__doc__)}\n",
        f"Kinds: {', '.join(f'[`{kind}`](#{kind})' for kind in kinds)}.\n",
    ]
    for kind in kinds:
        model = plugins.find(room, kind)
        module = importlib.import_module(model.__module__)
        parts += [f"## {kind}\n", f"{plain(module.__doc__)}\n", f"{plain(model.__doc__)}\n"]
        parts += list(_settings(by_kind[kind], definitions, level=3))
    return "\n".join(parts)


def _target(section: str, definitions: Mapping[str, Schema]) -> str:
    """Return the page of a section whose entries are targets."""
    model = TARGETS[section]
    parts = [f"# {section}\n", f"{plain(model.__doc__)}\n", *_settings(definitions[model.__name__], definitions, 2)]
    return "\n".join(parts)


def _settings(body: Schema, definitions: Mapping[str, Schema], level: int) -> Iterator[str]:
    """Yield the table of an object's settings, and below it those of the objects that its settings hold."""
    settings = {name: value for name, value in body.get("properties", {}).items() if name != "kind"}
    required = body.get("required", [])
    if not settings:
        yield "This kind has no settings.\n"
        return
    yield table(HEADINGS, [_row(name, settings[name], name in required) for name in settings])
    for name, value in settings.items():
        for reference in _references(value):
            nested = definitions[reference]
            yield f"{'#' * level} Settings of `{name}`\n"
            if nested.get("description"):
                yield f"{plain(nested['description'])}\n"
            yield from _settings(nested, definitions, level + 1)


def _row(name: str, value: Schema, required: bool) -> list[str]:
    default = "required" if required else code(_shown(value.get("default")))
    return [code(name), _type(value), default, "; ".join(_ranges(value)), plain(_description(value))]


def _description(value: Schema) -> str:
    if "description" in value:
        return str(value["description"])
    if value.get("room") in (*ROOMS, *TARGETS):
        return f"entries of `{value['room']}`"
    return next((_description(part) for part in _parts(value) if _description(part)), "")


def _parts(value: Schema) -> list[Schema]:
    """Return the schemas that a schema is made of: its alternatives, its items, its values."""
    parts = [*value.get("anyOf", []), *value.get("oneOf", []), *value.get("allOf", []), *value.get("prefixItems", [])]
    parts += [value[key] for key in ("items", "additionalProperties") if isinstance(value.get(key), Mapping)]
    return parts


def _type(value: Schema) -> str:
    """Return a short description of a schema's type."""
    if "$ref" in value:
        return "settings (below)"
    if "enum" in value:
        return ", ".join(code(_shown(choice)) for choice in value["enum"])
    if "const" in value:
        return code(_shown(value["const"]))
    alternatives = [*value.get("anyOf", []), *value.get("oneOf", []), *value.get("allOf", [])]
    if alternatives:
        return " or ".join(dict.fromkeys(_type(part) for part in alternatives))
    return _single_type(value)


def _single_type(value: Schema) -> str:
    kind = value.get("type", "any")
    if kind == "array":
        if "prefixItems" in value:
            return f"list of {len(value['prefixItems'])}"
        items = value.get("items", {})
        room = value.get("room", items.get("room"))
        return f"list of names of [{room}]({room}.md)" if room in (*ROOMS, *TARGETS) else f"list: {_type(items)}"
    if kind == "object" and isinstance(value.get("additionalProperties"), Mapping):
        return f"mapping of names to {_type(value['additionalProperties'])}"
    if (room := value.get("room")) in (*ROOMS, *TARGETS):
        return f"name of [{room}]({room}.md)"
    names = {"string": "text", "number": "number", "integer": "whole number", "boolean": "`true` or `false`"}
    return {**names, "null": "`null`", "object": "mapping", "any": "any"}.get(str(kind), str(kind))


def _ranges(value: Schema) -> list[str]:
    """Return the bounds of a value and of its parts, each once."""
    bounds = [(text, value[key]) for key, text in BOUNDS if key in value and (key, value[key]) != ("minItems", 0)]
    own = [text.format(_number(bound)) for text, bound in bounds]
    below = [bound for part in _parts(value) for bound in _ranges(part)]
    return list(dict.fromkeys([*own, *below]))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(value: Any) -> str:
    """Return a value as YAML shows it."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _references(value: Schema) -> list[str]:
    own = [str(value["$ref"]).rpartition("/")[2]] if "$ref" in value else []
    return list(dict.fromkeys([*own, *(name for part in _parts(value) for name in _references(part))]))
