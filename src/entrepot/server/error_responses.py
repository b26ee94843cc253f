"""Error responses: the status, headers and JSON body that clients expect.

Source: docs/protocols/hf_api.md, sections 0.2 and 4.3; docs/staged-changes.md, sections 4 and 6.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias, TypeVar

import attrs
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope

from entrepot.errors import (
    AlreadyExists,
    AmbiguousRevision,
    ClientGone,
    CommitCanceled,
    Damaged,
    EntrepotError,
    EntryNotFound,
    GatedRepo,
    Malformed,
    NotReady,
    RangeNotSatisfiable,
    RepoMoved,
    Unavailable,
    shown,
)
from entrepot.server.public_urls import base_url
from entrepot.settings import Settings
from entrepot.wire.errors import NO_ROUTE, ErrorStatus, answer_of, lasting_status
from entrepot.wire.repos.staged import CanceledChange
from entrepot.wire.texts import legible

Header = tuple[bytes, bytes]
T = TypeVar("T")
Handler: TypeAlias = Callable[[Request], Awaitable[T]]

MAX_HEADER_MESSAGE = 1000
"""Maximum length of a message in ``X-Error-Message``, in characters; proxies refuse long headers."""

MAX_CANCELED = 100
"""Maximum number of paths in the body of a canceled commit."""

REPEATS_5XX = "repeats_5xx"
"""The key in ``scope["state"]`` that handlers set for clients that repeat a request after every 5xx."""

_RETRY_AFTER_S = 1


@attrs.frozen
class ErrorResponse:
    """An error response without the headers that the middleware adds to every response."""

    status: int
    headers: list[Header]
    body: bytes


def with_errors(handler: Handler[T], explain: Callable[[EntrepotError, ErrorResponse], T]) -> Handler[T]:
    """Wrap a handler of a protocol that has its own form of errors.

    Args:
        explain: returns the response for an error; it gets the one that other routes would send.

    Raises:
        ClientGone, Damaged: left to the middleware, which logs them.
    """

    async def handle(request: Request) -> T:
        try:
            return await handler(request)
        except (ClientGone, Damaged):
            raise
        except EntrepotError as error:
            base = error_response_to(request, error)
            return explain(error, base)

    return handle


def error_response_to(request: Request, error: EntrepotError) -> ErrorResponse:
    """Return the response for an error of a request, as the middleware does; see :func:`error_response`."""
    if isinstance(error, GatedRepo):
        name_hub(error, request.scope, request.scope["state"]["app"].hub.settings)
    return error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])


def name_hub(error: GatedRepo, scope: Scope, settings: Settings) -> None:
    """Add the URL of the hub to an error whose message leads to one of its pages."""
    with contextlib.suppress(Malformed):  # the request names a host that is not known: then a path is enough
        error.hub_url = base_url(scope, settings)


def error_response(error: EntrepotError, *, raw_path: str, query: bytes, repeats_5xx: bool = False) -> ErrorResponse:
    """Return the response for an :class:`EntrepotError`.

    A moved repository becomes a 307 redirect to the same request under its new
    id, for every method; if the path does not contain the old id (the body
    named it), the response is a 404 that tells the new name.

    Args:
        raw_path: the percent-encoded path of the request, without the query.
        query: the query string, kept in redirects.
        repeats_5xx: the client repeats a request after every 5xx for minutes, so a failure that lasts is a 4xx.
    """
    if isinstance(error, RepoMoved):
        location = moved_location(raw_path, query, old=error.old, new=error.new)
        if location is None:
            return text_response(404, error.message, code="RepoNotFound")
        return text_response(307, error.message, more=[(b"location", location.encode("ascii"))])
    shape: ErrorStatus = answer_of(error)
    if repeats_5xx and (lasting := lasting_status(error)) is not None:
        shape = attrs.evolve(shape, status=lasting)
    more: list[Header] = []
    if isinstance(error, EntryNotFound) and error.commit:
        # Clients cache that this commit lacks the file only if the header names the commit.
        more.append((b"x-repo-commit", error.commit.encode("ascii", "replace")))
    if isinstance(error, RangeNotSatisfiable):
        more.append((b"content-range", f"bytes */{error.size}".encode()))
    if isinstance(error, Unavailable) and shape.status >= 500:
        more.append((b"retry-after", str(_RETRY_AFTER_S).encode()))
    return text_response(shape.status, error.public_message, code=shape.code, fields=_fields_of(error), more=more)


def _fields_of(error: EntrepotError) -> Mapping[str, object]:
    """Return the fields that clients read from the body in addition to the message."""
    if isinstance(error, AlreadyExists):
        return {} if error.url is None else {"url": error.url}
    if isinstance(error, AmbiguousRevision):
        return {"candidates": error.candidates}
    if isinstance(error, NotReady):
        return error.details
    if isinstance(error, CommitCanceled):
        named = [CanceledChange(path=legible(it.path), kind=it.kind, reason=it.reason) for it in error.changes]
        return {"changes": named[:MAX_CANCELED], "total": len(named)}
    return {}


def text_response(
    status: int,
    message: str,
    *,
    code: str | None = None,
    fields: Mapping[str, object] | None = None,
    more: list[Header] | None = None,
) -> ErrorResponse:
    """Return a JSON error response with its ``X-Error-…`` headers.

    Args:
        fields: added to the body for clients that read them.
        more: further headers.
    """
    body = msgspec.json.encode({"error": message} | dict(fields or {}))
    headers: list[Header] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-error-message", header_text(message).encode("ascii")),
    ]
    if code is not None:
        headers.append((b"x-error-code", code.encode("ascii")))
    return ErrorResponse(status, headers + (more or []), body)


def routing_text(error: HTTPException, method: str, path: str) -> str:
    """Return the message for a request that no route serves, with the likely mistake.

    It does not repeat the path: the response would differ between a hidden and an absent repository.
    """
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error.detail
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and allowed:
        return f"this path does not accept {method}; it accepts {allowed}"
    if error.status_code != HTTPStatus.NOT_FOUND:
        return error.detail
    if "//" in path:
        return f"{NO_ROUTE}; remove the empty segment '//' (does the address of the hub end with a slash?)"
    return f"{NO_ROUTE}; leave out the slash at its end" if path.endswith("/") and path != "/" else NO_ROUTE


def header_text(message: str) -> str:
    """Return a message as a header value: printable ASCII on one line, at most 1,000 characters."""
    line = " ".join(message.split())
    if line.isascii() and line.isprintable() and len(line) <= MAX_HEADER_MESSAGE:
        return line
    return "".join(shown(character, quote=False) for character in line[:MAX_HEADER_MESSAGE])[:MAX_HEADER_MESSAGE]


def moved_location(raw_path: str, query: bytes, *, old: str, new: str) -> str | None:
    """Return the relative URL of the same request under the new id; None if the path does not contain the old one.

    Only the first occurrence is replaced. The rest of the path keeps its
    encoding, and the query string is kept (without ``recursive=true`` a client
    would silently see fewer files). Ids are compared case-insensitively.

    Source: docs/protocols/hf_api.md, section 4.3.
    """
    words = "(?:/|%2F)".join(map(re.escape, old.split("/")))
    pattern = rf"(?<=/){words}(?=/|\.git(?:/|$)|$)"
    found = re.search(pattern, raw_path, re.IGNORECASE)
    if found is None:
        return None
    # A URL that begins with two slashes would name another host.
    path = "/" + (raw_path[: found.start()] + new + raw_path[found.end() :]).lstrip("/")
    return f"{path}?{query.decode('latin-1')}" if query else path
