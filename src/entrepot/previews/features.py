"""Columns and cells of tables in the shapes of the dataset viewer.

A *feature* describes a column, as the class of that name of ``datasets``.

Source: docs/dataset-viewer.md, section "Shapes".
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from entrepot.previews import media

JsonCell: TypeAlias = "bool | int | float | str | list[JsonCell] | dict[str, JsonCell] | None"

_MAX_DEPTH, _MAX_JSON = 32, 1 << 20


def features_of(schema: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a schema of pyarrow, which is optional
    """Return the feature of each column of an Arrow schema; those that ``datasets`` has written into it count first."""
    try:
        stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        stored = {}
    declared = stored if isinstance(stored, dict) else {}
    found = {field.name: _feature(field.type) for field in schema}
    return {
        name: declared[name] if isinstance(declared.get(name), dict | list) and fits(declared[name], kind) else kind
        for name, kind in found.items()
    }


def fits(stated: Any, stored: Any) -> bool:  # noqa: ANN401 - JSON
    """Return whether a column whose values are stored as one feature may be described by another one.

    What a file or a card states may be wrong: texts are not counted as numbers, nor structs as labels.
    """
    wanted, found = _family(stated), _family(stored)
    return not wanted or wanted == found or found == "null"


def _family(kind: Any) -> str:  # noqa: ANN401 - JSON
    """Return the kind of a feature for calculations; empty for a feature that is only shown."""
    if isinstance(kind, list):
        return "list"
    name, dtype = (kind.get("_type"), str(kind.get("dtype"))) if isinstance(kind, dict) else (None, "")
    if name in ("List", "LargeList"):
        return "list"
    if name == "ClassLabel":
        return "number"
    if name != "Value":
        return ""
    if dtype.startswith(("int", "uint", "float")):
        return "number"
    return "string" if dtype == "large_string" else dtype if dtype in ("string", "bool", "null") else ""


def _feature(kind: Any, depth: int = 0) -> Any:  # noqa: ANN401 - types of pyarrow and JSON
    import pyarrow.types as types

    if depth > _MAX_DEPTH:
        return {"dtype": "string", "_type": "Value"}
    if types.is_dictionary(kind):
        return _feature(kind.value_type, depth + 1)
    if types.is_struct(kind):
        return {kind.field(at).name: _feature(kind.field(at).type, depth + 1) for at in range(kind.num_fields)}
    if types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type, depth + 1), "length": kind.list_size, "_type": "List"}
    if types.is_large_list(kind):
        return {"feature": _feature(kind.value_type, depth + 1), "_type": "LargeList"}
    if types.is_list(kind):
        return {"feature": _feature(kind.value_type, depth + 1), "_type": "List"}
    if types.is_map(kind):
        pair = {"key": _feature(kind.key_type, depth + 1), "value": _feature(kind.item_type, depth + 1)}
        return {"feature": pair, "_type": "List"}
    return {"dtype": _dtype(str(kind)), "_type": "Value"}


def _dtype(name: str) -> str:
    """Return the name that ``datasets`` gives to a type of Arrow."""
    return {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}.get(name, name)


def cell_of(value: Any, feature: Any) -> JsonCell:  # noqa: ANN401 - any value of a table
    """Return a value as JSON: dates as text, numbers that are none as null, bytes in base64, media with a ``src``.

    A text with the feature ``Json`` becomes the value that it contains, unless it is too long or damaged. For ``src``
    see :mod:`entrepot.previews.media`.
    """
    kind = feature.get("_type") if isinstance(feature, dict) else None
    if media.is_medium(value, kind):
        found: JsonCell = media.medium_of(value, str(kind))
        return found
    if kind == "Json" and isinstance(value, str):
        return _decoded(value)
    if isinstance(value, Mapping):
        parts = feature if isinstance(feature, dict) else {}
        return {str(key): cell_of(item, parts.get(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cell_of(item, item_of(feature)) for item in value]
    return _scalar(value)


def _decoded(text: str) -> JsonCell:
    try:
        return text if len(text) > _MAX_JSON else cell_of(json.loads(text), None)
    except (ValueError, RecursionError):
        return text


def item_of(feature: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the feature of the items of a list; None if it is unknown."""
    if isinstance(feature, dict):
        return feature.get("feature")
    return feature[0] if isinstance(feature, list) and feature else None


def _scalar(value: object) -> JsonCell:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        return int(value) if value.as_tuple().exponent == 0 else str(value)  # sums of integers are decimals
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return str(value)


def cut_row(
    row: Mapping[str, JsonCell], features: Mapping[str, Any], most: int
) -> tuple[dict[str, JsonCell], list[str]]:
    """Return a row whose longer cells are cut to ``most`` bytes of their JSON, and the names of those columns."""
    kept: dict[str, JsonCell] = {}
    cut: list[str] = []
    for name, cell in row.items():
        feature = features.get(name)
        is_media = isinstance(feature, dict) and feature.get("_type") in media.KINDS
        text = json.dumps(cell, ensure_ascii=False)
        if len(text.encode()) <= most or is_media:
            kept[name] = cell
            continue
        kept[name] = text.encode()[:most].decode("utf-8", "ignore")
        cut.append(name)
    return kept, cut


def order_of(features: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return features as a list, because the order of columns counts."""
    return [{"feature_idx": at, "name": name, "type": kind} for at, (name, kind) in enumerate(features.items())]
