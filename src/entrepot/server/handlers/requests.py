"""What requests say: repositories in their paths, parameters of the query, JSON bodies."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import TypeVar

import msgspec
from starlette.requests import Request

from entrepot.errors import InvalidName, Malformed, shown
from entrepot.names import RepoId, RepoRef, RepoType, parse_wanted_id
from entrepot.server import public_urls
from entrepot.server.bodies import read_small
from entrepot.server.handlers.state import app_state
from entrepot.server.raw_path import decode_segment

S = TypeVar("S", bound=msgspec.Struct)

MAX_JSON = 8 << 20
"""Maximum size of a JSON or form body, in bytes; commits are streamed and have their own limit."""

NO_REPO = RepoId("", "")
"""An id that no repository and no alias can have."""

_CHANGES = ("PUT", "PATCH")
_ADMINISTRATION = "/api/admin/"
_TRUE = frozenset({"1", "true", "yes", "on"})


def base_url(request: Request) -> str:
    """Return the URL under which the client sees the hub, as :func:`entrepot.server.public_urls.base_url`."""
    return public_urls.base_url(request.scope, app_state(request).hub.settings)


def repo_of(request: Request, kind: RepoType) -> RepoRef:
    """Return the repository named in the path (``namespace`` and ``name``); it need not exist.

    An empty namespace means an id without one (:mod:`entrepot.server.short_ids`).

    Raises:
        Malformed: the encoding of the path is invalid.
    """
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    if namespace:
        return RepoRef(kind, lookup_id(f"{namespace}/{name}"))
    wanted, default = lookup_id(name), app_state(request).hub.settings.default_namespace
    return RepoRef(kind, wanted, RepoId(default, name) if default and wanted.is_short and wanted.name else None)


def lookup_id(text: str) -> RepoId:
    """Parse a repository id for a lookup, with or without a namespace.

    An invalid name becomes the id of no repository; the response is then
    exactly that of a repository that does not exist.
    """
    try:
        return parse_wanted_id(text)
    except InvalidName:
        return NO_REPO


async def read_json(request: Request, shape: type[S]) -> S:
    """Return the JSON body of a request; an empty body reads as an empty object.

    What changes things in place (PUT, PATCH), and what administers the hub, may have no unknown
    field, because the response would claim a change that was not made. Other bodies may:
    clients send fields that mean nothing here.

    Raises:
        Malformed: the body is not valid JSON or has another shape, or an unknown field.
        LimitExceeded: the body has more than 8 MiB.
    """
    body = await read_small(request, MAX_JSON) or b"{}"
    if request.method not in _CHANGES and not request.scope["path"].startswith(_ADMINISTRATION):
        return decode_json(body, shape)
    try:
        found = decode_json(body, _without_others(shape))
    except Malformed:
        _check_fields(body, shape)
        raise
    assert isinstance(found, shape)
    return found


@functools.cache
def _without_others(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return a subclass of a shape that refuses unknown fields."""
    return msgspec.defstruct(f"{shape.__name__}WithoutOthers", (), bases=(shape,), forbid_unknown_fields=True)


def _check_fields(body: bytes, shape: type[msgspec.Struct]) -> None:
    try:
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # decoding into the shape says what is wrong
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    unknown = [name for name in sent if name not in known]
    if unknown:
        named = ", ".join(shown(name) for name in unknown[:3])
        allowed = ", ".join(known) or "none"
        raise Malformed("body", f"this hub has no field {named} here; nothing was changed; known fields: {allowed}")


def decode_json(data: bytes, shape: type[S]) -> S:
    """Decode JSON into a known shape.

    Raises:
        Malformed: the body is not valid JSON or has another shape.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise Malformed("body", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("body", f"it is not valid JSON ({error})") from None


def query_flag(request: Request, name: str) -> bool:
    """Return a boolean query parameter in any spelling that clients use: ``true``, ``True``, ``1``.

    Source: docs/protocols/hf_api.md, section 0.4.
    """
    return request.query_params.get(name, "").lower() in _TRUE


def query_list(request: Request, name: str) -> list[str]:
    """Return a list from the query: repeated ``k`` or ``k[]``, without empty values."""
    query = request.query_params
    return [value for key in (name, f"{name}[]") for value in query.getlist(key) if value]


def query_choice(request: Request, name: str, choices: Collection[str], default: str) -> str:
    """Return a query parameter that has one of some values; the default if it is missing or empty.

    Raises:
        Malformed: it has another value.
    """
    text = request.query_params.get(name) or default
    if text not in choices:
        raise Malformed(f"parameter {name!r}", f"expected one of {', '.join(filter(None, choices))}")
    return text


def query_int(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """Return an integer query parameter, clamped to a range.

    Raises:
        Malformed: the value is not an integer.
    """
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        return max(low, min(int(text), high))
    except ValueError:
        raise Malformed(f"parameter {name!r}", "expected a whole number") from None
