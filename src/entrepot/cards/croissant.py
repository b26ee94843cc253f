"""Descriptions of datasets in Croissant, a JSON-LD vocabulary for machine learning.

Source: the Croissant format specification 1.1, http://mlcommons.org/croissant/1.1; the shape is the public hub's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import attrs

VERSION = "http://mlcommons.org/croissant/1.1"

_MAX_DEPTH = 16
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{
        word: f"cr:{word}"
        for word in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
            *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
            *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
            *("separator", "source", "subField", "transform"),
        )
    },
}
_TYPES = (
    (re.compile(r"bool"), "sc:Boolean"),
    (re.compile(r"float16"), "cr:Float16"),
    (re.compile(r"float32"), "cr:Float32"),
    (re.compile(r"float64|decimal.*"), "cr:Float64"),
    (re.compile(r"date(32|64)|timestamp.*"), "sc:Date"),
    (re.compile(r"time(32|64).*"), "sc:Time"),
    (re.compile(r".*"), "sc:Text"),
)
_INTEGERS = {f"{sign}int{bits}": f"cr:{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_MEDIA = {"Image": "sc:ImageObject", "Audio": "sc:AudioObject", "Video": "sc:VideoObject"}


@attrs.frozen
class CroissantConfig:
    """A configuration whose Parquet files are at ``{name}/{split}/*.parquet``, with its features by column."""

    name: str
    splits: Sequence[str]
    features: Mapping[str, Any]


@attrs.frozen
class CroissantDataset:
    """The dataset to describe. ``url``: of its page; ``files_url``: of the tree with the Parquet files."""

    name: str
    url: str
    files_url: str
    description: str
    owner: str
    owner_url: str
    owner_kind: str
    keywords: Sequence[str]
    license: str | None
    published: str
    modified: str
    configs: Sequence[CroissantConfig]


def render_croissant(dataset: CroissantDataset) -> dict[str, Any]:
    """Return the description of a dataset as JSON-LD."""
    files: list[Mapping[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": "repo",
            "name": "repo",
            "description": "The git repository of the dataset.",
            "contentUrl": dataset.files_url,
            "encodingFormat": "git+https",
            "sha256": "https://github.com/mlcommons/croissant/issues/80",
        }
    ]
    records: list[Mapping[str, Any]] = []
    for config, key in zip(dataset.configs, _keys(dataset.configs), strict=True):
        files.append(
            {
                "@type": "cr:FileSet",
                "@id": f"parquet-files-for-config-{key}",
                "containedIn": {"@id": "repo"},
                "encodingFormat": "application/x-parquet",
                "includes": f"{config.name}/*/*.parquet",
            }
        )
        records += [_splits(config, key), _records(config, key)]
    owner = {"@type": dataset.owner_kind, "name": dataset.owner, "url": dataset.owner_url}
    found: dict[str, Any] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "distribution": files,
        "recordSet": records,
        "name": dataset.name.rpartition("/")[2],
        "description": dataset.description or f"The dataset {dataset.name}.",
        "alternateName": [dataset.name],
        "creator": owner,
        "keywords": list(dataset.keywords),
        "datePublished": dataset.published,
        "dateModified": dataset.modified,
        "url": dataset.url,
    }
    if dataset.license:
        found["license"] = f"https://choosealicense.com/licenses/{quote(dataset.license, safe='')}/"
    return found


def _keys(configs: Sequence[CroissantConfig]) -> list[str]:
    """Return an id for each configuration, without signs that a JSON-LD id cannot have."""
    found: list[str] = []
    for config in configs:
        key = re.sub(r"[^\w.-]", "_", config.name)
        while key in found:
            key += "_"
        found.append(key)
    return found


def _splits(config: CroissantConfig, key: str) -> Mapping[str, Any]:
    field = f"{key}_splits/split_name"
    return {
        "@type": "cr:RecordSet",
        "dataType": "cr:Split",
        "key": {"@id": field},
        "@id": f"{key}_splits",
        "name": f"{key}_splits",
        "description": f"Splits of the configuration {config.name}.",
        "field": [{"@type": "cr:Field", "@id": field, "name": "split_name", "dataType": "sc:Text"}],
        "data": [{field: split} for split in config.splits],
    }


def _records(config: CroissantConfig, key: str) -> Mapping[str, Any]:
    source = {"fileSet": {"@id": f"parquet-files-for-config-{key}"}}
    splits = "|".join(re.escape(split) for split in config.splits)
    split = {
        "@type": "cr:Field",
        "@id": f"{key}/split",
        "name": "split",
        "dataType": "sc:Text",
        "source": {
            **source,
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": f"{re.escape(config.name)}/(?:partial-)?({splits})/.+parquet$"},
        },
        "references": {"field": {"@id": f"{key}_splits/split_name"}},
    }
    # A column that is called like the field of the split would have its id.
    columns = [
        _field(f"{key}/{'column ' if name == 'split' else ''}{name}".replace(" ", "_"), name, feature, source, [])
        for name, feature in config.features.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": key,
        "name": key,
        "description": f"The rows of the configuration {config.name}: splits {', '.join(config.splits)}.",
        "field": [split, *columns],
    }


def _field(place: str, name: str, feature: Any, source: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401
    """Return the field for a column, or for a part of one.

    Args:
        path: the names of the column and of its parts, down to this one; empty for a column.
    """
    where = [*path, name]
    found: dict[str, Any] = {"@type": "cr:Field", "@id": place, "name": name}
    extract: dict[str, Any] = {**source, "extract": {"column": where[0]}}
    if len(where) > 1:
        extract["transform"] = [{"jsonPath": ".".join(where[1:])}]
    feature, shape = _item_of(feature)
    if shape:
        found |= {"isArray": True, "arrayShape": shape}
    kind = feature.get("_type") if isinstance(feature, dict) else None
    if isinstance(feature, dict) and not isinstance(kind, str) and len(where) < _MAX_DEPTH:
        parts = [_field(f"{place}/{part}".replace(" ", "_"), part, it, source, where) for part, it in feature.items()]
        return {**found, "subField": parts}
    if kind in _MEDIA:
        extract["transform"] = [*extract.get("transform", ()), {"jsonPath": "bytes"}]
    return {**found, "dataType": _type_of(kind, feature), "source": extract}


def _item_of(feature: Any) -> tuple[Any, str]:  # noqa: ANN401 - JSON
    """Return the feature of the items of a list, with the shape of the list; empty for one that is none."""
    shape: list[str] = []
    while len(shape) < _MAX_DEPTH:
        if isinstance(feature, list) and feature:
            feature, length = feature[0], -1
        elif isinstance(feature, dict) and feature.get("_type") in ("List", "LargeList", "Sequence"):
            feature, length = feature.get("feature"), feature.get("length", -1)
        else:
            break
        shape.append(str(length))
    if isinstance(feature, dict) and re.fullmatch(r"Array[2-5]D", str(feature.get("_type"))):
        shape += [str(length) for length in feature.get("shape", ())]
        feature = {"dtype": feature.get("dtype"), "_type": "Value"}
    return feature, ",".join(shape)


def _type_of(kind: str | None, feature: Any) -> str:  # noqa: ANN401 - JSON
    if kind == "ClassLabel":
        return "sc:Integer"
    if kind in _MEDIA:
        return _MEDIA[str(kind)]
    dtype = str(feature.get("dtype")) if isinstance(feature, dict) else ""
    return _INTEGERS.get(dtype) or next(name for pattern, name in _TYPES if pattern.fullmatch(dtype))
