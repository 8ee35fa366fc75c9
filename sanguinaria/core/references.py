"""References: how the settings of one entry refer to another entry, in a configuration and in a specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticKnownError, core_schema


@dataclass(frozen=True)
class Reference:
    """A reference to an entry of a room.

    In a configuration it has a name. In the specification of a stage, whose identity no name is in, it has the entry's
    settings where the entry acts within the stage, or the key of the result that the entry's own stage makes; it has
    neither where the entry belongs to another upstream stage.

    Attributes:
        room: of the entry.
        name: of the entry.
        settings: of the entry, as canonical JSON with its kind.
        result: key of the result.
    """

    room: str
    name: str = ""
    settings: str = ""
    result: str = ""

    def plain(self) -> Any:
        """The reference for JSON: a name as it is, anything else as a mapping with the room."""
        if self.name:
            return self.name
        content = {"settings": json.loads(self.settings)} if self.settings else {}
        return {"room": self.room, **content, **({"result": self.result} if self.result else {})}

    @classmethod
    def of_plain(cls, room: str, value: Any) -> Reference:
        """The reference that :meth:`plain` described.

        >>> Reference.of_plain("corpora", "sc10").name
        'sc10'

        Raises:
            PydanticKnownError: the value is no name, and no mapping of this room.
        """
        if isinstance(value, Reference) and value.room == room:
            return value
        if isinstance(value, str):
            return cls(room, value)
        if isinstance(value, Mapping) and value.get("room") == room:
            settings = value.get("settings")
            text = "" if settings is None else json.dumps(settings, sort_keys=True)
            return cls(room, settings=text, result=value.get("result", ""))
        raise PydanticKnownError("string_type")


@dataclass(frozen=True)
class RefersTo:
    """Makes a field of type :class:`Reference` one to a room."""

    room: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: Reference.of_plain(self.room, value),
            serialization=core_schema.plain_serializer_function_ser_schema(Reference.plain),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "room": self.room}


AdversaryReference = Annotated[Reference, RefersTo("adversaries")]
ConversionReference = Annotated[Reference, RefersTo("conversions")]
CorpusReference = Annotated[Reference, RefersTo("corpora")]
DistortionReference = Annotated[Reference, RefersTo("distortions")]
EmbedderReference = Annotated[Reference, RefersTo("embedders")]
PurifierReference = Annotated[Reference, RefersTo("purifiers")]
TextReference = Annotated[Reference, RefersTo("texts")]
VictimReference = Annotated[Reference, RefersTo("victims")]
WatermarkReference = Annotated[Reference, RefersTo("watermarks")]
