"""Descriptions of data sets in Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Croissant data type of a column, by its dtype in the Hugging Face `datasets` library.
TYPES = {"string": "sc:Text", "int64": "sc:Integer", "bool": "sc:Boolean"}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def dataset_description(name: str, text: str, files: str, columns: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the Croissant description of a data set whose Parquet files lie beside the description.

    Args:
        name: of the data set.
        text: description of the data set.
        files: glob pattern of the files' names.
        columns: for each column its dtype (a key of :data:`TYPES`, or "audio" for a struct with encoded ``bytes``) and
            its meaning.

    Returns:
        JSON-LD as builtins.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": text,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "shards",
                "name": "shards",
                "encodingFormat": "application/x-parquet",
                "includes": files,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "utterances",
                "name": "utterances",
                "key": {"@id": "utterances/utterance_id"},
                "field": [_field(column, *columns[column]) for column in columns],
            }
        ],
    }


def _field(name: str, kind: str, text: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": "shards"}, "extract": {"column": name}}
    if kind == "audio":
        source["transform"] = {"jsonPath": "bytes"}
    return {
        "@type": "cr:Field",
        "@id": f"utterances/{name}",
        "name": name,
        "description": text,
        "dataType": "sc:AudioObject" if kind == "audio" else TYPES[kind],
        "source": source,
    }
