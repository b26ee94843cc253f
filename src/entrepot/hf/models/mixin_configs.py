"""Convert arguments of a model's constructor to JSON and back: plain values, dataclasses, and types with coders."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from entrepot.errors import InvalidArgument

Coder = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""For each type a function that encodes it for JSON, and one that decodes it."""
Coders = Mapping[type, Coder]


def encode(value: Any, coders: Coders) -> Any:  # noqa: ANN401 - arguments of any constructor
    """Encode a value for JSON; a value that has no coder and is not a dataclass is returned unchanged."""
    for kind, (encoder, _) in coders.items():
        if isinstance(value, kind):
            return None if value is None else encoder(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name), coders) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: encode(item, coders) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item, coders) for item in value]
    return value


def is_jsonable(value: object) -> bool:
    """Return whether a value can be written as JSON."""
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def decode(expected: Any, value: Any, coders: Coders) -> Any:  # noqa: ANN401 - as above
    """Convert a JSON value to the annotated type of a parameter.

    Dataclasses are created from the fields that they define, each decoded by its own
    annotation; for an optional type, the type other than None is used.
    """
    expected = _without_none(expected)
    if value is None:
        return None
    for kind, (_, decoder) in coders.items():
        if inspect.isclass(expected) and issubclass(expected, kind):
            return decoder(value)
    if dataclasses.is_dataclass(expected) and isinstance(expected, type) and isinstance(value, dict):
        hints = hints_of(expected)
        known = {field.name for field in dataclasses.fields(expected) if field.init}
        return expected(**{key: decode(hints.get(key), item, coders) for key, item in value.items() if key in known})
    return value


def render_config(config: Any, coders: Coders) -> str:  # noqa: ANN401 - as above
    """Render a configuration as the text of ``config.json``.

    Raises:
        InvalidArgument: a value cannot be written as JSON.
    """
    try:
        return json.dumps(encode(config, coders), sort_keys=True, indent=2)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"the configuration cannot be saved as JSON ({error}); add a coder for its type"
        ) from error


def parameters_of(init: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a constructor except the first, with annotations resolved to types where possible."""
    hints = hints_of(init)
    found = list(inspect.signature(init).parameters.values())[1:]
    return {p.name: p.replace(annotation=hints.get(p.name, p.annotation)) for p in found}


def hints_of(thing: Callable[..., Any]) -> dict[str, Any]:
    """Return annotations as types; strings that cannot be resolved are left out."""
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):
        found = getattr(thing, "__annotations__", {})
        return {name: hint for name, hint in found.items() if not isinstance(hint, str)}


def _without_none(expected: Any) -> Any:  # noqa: ANN401 - an annotation
    """Return ``X`` for ``X | None`` and ``Optional[X]``, and any other type unchanged."""
    if typing.get_origin(expected) not in (typing.Union, types.UnionType):
        return expected
    kinds = [kind for kind in typing.get_args(expected) if kind is not type(None)]
    if len(kinds) == 1:
        return kinds[0]
    # Of a union of several types, only a dataclass can be distinguished from plain JSON.
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind)), expected)
