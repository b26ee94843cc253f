"""Arguments of a model's constructor as JSON and back: plain values, data classes, and types with coders."""

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
"""How a type becomes JSON, and how it comes back."""
Coders = Mapping[type, Coder]


def encode(value: Any, coders: Coders) -> Any:  # noqa: ANN401 - arguments of anybody's constructor
    """A value as JSON knows it; what has no coder and is no data class stays as it is."""
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
    """Whether JSON can hold a value."""
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def decode(expected: Any, value: Any, coders: Coders) -> Any:  # noqa: ANN401 - as above
    """A value of JSON as the type that a parameter is annotated with.

    Data classes get the fields that they know, each decoded by its own
    annotation; an optional type is what it is when it is not None.
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
    """A configuration as the text of ``config.json``.

    Raises:
        InvalidArgument: a value can be no JSON.
    """
    try:
        return json.dumps(encode(config, coders), sort_keys=True, indent=2)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"the configuration cannot be saved as JSON ({error}); give its type a coder") from error


def parameters_of(init: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a constructor but the first one, with annotations as types where they can be found."""
    hints = hints_of(init)
    found = list(inspect.signature(init).parameters.values())[1:]
    return {p.name: p.replace(annotation=hints.get(p.name, p.annotation)) for p in found}


def hints_of(thing: Callable[..., Any]) -> dict[str, Any]:
    """Annotations as types; texts that name nothing known stay out."""
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):
        found = getattr(thing, "__annotations__", {})
        return {name: hint for name, hint in found.items() if not isinstance(hint, str)}


def _without_none(expected: Any) -> Any:  # noqa: ANN401 - an annotation
    """``X`` for ``X | None`` and ``Optional[X]``; anything else as it is."""
    if typing.get_origin(expected) not in (typing.Union, types.UnionType):
        return expected
    kinds = [kind for kind in typing.get_args(expected) if kind is not type(None)]
    if len(kinds) == 1:
        return kinds[0]
    # Of several types only a data class can be told from plain JSON.
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind)), expected)
