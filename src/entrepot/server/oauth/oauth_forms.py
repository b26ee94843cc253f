"""Fields of OAuth requests: a form, as the standards say, or the same fields as JSON, as some clients send them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from entrepot.errors import Malformed, OAuthRefused
from entrepot.server.bodies import read_pairs, read_small

_MAX_BODY = 64 << 10
_MAX_FIELDS = 50


async def read_fields(request: Request) -> Mapping[str, str]:
    """Return the fields of a request.

    Raises:
        OAuthRefused: it is neither a form nor a JSON object of texts, or a field occurs twice.
        LimitExceeded: it has more than 64 KiB.
    """
    if "json" in request.headers.get("content-type", ""):
        try:
            return msgspec.json.decode(await read_small(request, _MAX_BODY), type=dict[str, str])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise OAuthRefused("invalid_request", "the body is not a JSON object whose values are strings") from None
    try:
        pairs = await read_pairs(request, _MAX_BODY, _MAX_FIELDS)
    except Malformed:
        raise OAuthRefused("invalid_request", "the body is not a form") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise OAuthRefused("invalid_request", "a field occurs twice")
    return found


def required(fields: Mapping[str, str], name: str) -> str:
    """Return the value of a field.

    Raises:
        OAuthRefused: it is missing or empty.
    """
    value = fields.get(name, "")
    if not value:
        raise OAuthRefused("invalid_request", f"the field '{name}' is missing")
    return value
