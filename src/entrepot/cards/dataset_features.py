"""The features of a dataset's columns that its card states under ``dataset_info``.

Source: docs/protocols/metadata.md, section 5; ``datasets`` 5.2.0, which is the oracle of the tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import Malformed

Features: TypeAlias = "dict[str, JsonValue]"
"""Features by column, each as ``datasets`` writes it to JSON."""

_VALUES = re.compile(
    r"null|bool|u?int(8|16|32|64)|float(16|32|64)|(large_)?(string|binary)|(string|binary)_view|date(32|64)"
    r"|(time(32|64)|duration|timestamp)\[\w+(, ?tz=[\w:/+-]+)?\]|decimal(128|256)\([0-9]+, ?-?[0-9]+\)"
)
_LISTS = {"list": "List", "sequence": "List", "large_list": "LargeList"}
_MAX_DEPTH = 32
_MAX_DIGITS = 10


def declared_features(card: Mapping[str, JsonValue], config: str) -> Features | None:
    """Return the features that a card states for a configuration; None if it states none.

    Args:
        card: what :func:`~entrepot.cards.metadata.read_dataset_card` returns.

    Raises:
        Malformed: they cannot be read.
    """
    info = card.get("dataset_info")
    entries = info if isinstance(info, list) else [info]
    for entry in entries:
        if isinstance(entry, dict) and entry.get("config_name", "default") == config:
            features = entry.get("features")
            if isinstance(features, list) and features:
                return _columns(features, 0)
    return None


def _columns(items: list[JsonValue], depth: int) -> Features:
    found: Features = {}
    for item in items:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str) or name in found:
            raise _malformed("every feature needs a unique 'name'")
        found[name] = _feature({key: value for key, value in item.items() if key != "name"}, depth + 1)
    return found


def _feature(declared: Mapping[str, JsonValue], depth: int) -> JsonValue:
    """Return a feature; the first key of its mapping says what it is."""
    if depth > _MAX_DEPTH:
        raise _malformed(f"features are nested more than {_MAX_DEPTH} levels deep")
    if not declared:
        return {}
    kind = next(iter(declared))
    inner, rest = declared[kind], {key: value for key, value in declared.items() if key != kind}
    if kind in _LISTS:
        item = _inner(inner, depth)
        if kind == "sequence" and isinstance(inner, list) and isinstance(item, dict):
            return {name: {"feature": part, **rest, "_type": "List"} for name, part in item.items()}
        return {"feature": item, **rest, "_type": _LISTS[kind]}
    if kind == "struct":
        return _inner(inner, depth)
    if kind == "dtype":
        return _named(inner, rest) if isinstance(inner, str) else _inner(inner, depth)
    if not isinstance(inner, dict):
        raise _malformed(f"{kind!r} is not a feature")
    parts = _labels(inner) if kind == "class_label" else inner
    return {"_type": _class_name(kind), **parts}


def _inner(declared: JsonValue, depth: int) -> JsonValue:
    if isinstance(declared, str):
        return _named(declared, {})
    if isinstance(declared, list):
        return _columns(declared, depth)
    if isinstance(declared, dict):
        return _feature(declared, depth + 1)
    raise _malformed("a feature must be a name, a mapping or a list")


def _named(name: str, rest: Mapping[str, JsonValue]) -> JsonValue:
    if _VALUES.fullmatch(name):
        return {"dtype": name, **rest, "_type": "Value"}
    return {"_type": _class_name(name)}


def _labels(declared: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return the declaration of a class label with a list of names, which need not be texts: ``no`` is False.

    Raises:
        Malformed: ``datasets`` refuses it.
    """
    names = declared.get("names")
    if isinstance(names, dict):
        if not all(key.isdecimal() and len(key) < _MAX_DIGITS for key in names) or sorted(map(int, names)) != list(
            range(len(names))
        ):
            raise _malformed("the names of a class label must be numbered from 0 on")
        names = [names[key] for key in sorted(names, key=int)]
    if not isinstance(names, list) or any(isinstance(name, dict | list) for name in names):
        raise _malformed("a class label needs a list of names")
    if len(set(map(str, names))) < len(names):
        raise _malformed("the names of a class label must differ")
    return {**{key: value for key, value in declared.items() if key != "num_classes"}, "names": names}


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"_+", name))


def _malformed(reason: str) -> Malformed:
    return Malformed("card", f"dataset_info: {reason}")
