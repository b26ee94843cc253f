"""Requests as values: what to send, and how to decode the response. This package opens no sockets.

Each module covers one subject of the API and builds :class:`Call` values; the
transport (``client/transport.py``) sends them. A reader receives only responses
with a status below 400, including a HEAD response that redirects to another origin.

Source: docs/protocols/hf_api.md, sections 0 and 1.
"""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import attrs
import msgspec

from entrepot.errors import AnswerUnusable
from entrepot.errors.redactions import redact
from entrepot.names import RepoRef

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

JSON = "application/json"
NDJSON = "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_NEXT = re.compile(r"""<([^<>]+)>\s*;[^,<]*\brel="?next"?""")


@attrs.frozen
class Response:
    """An HTTP response; header names are lower case, ``url`` is the URL that sent the response."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


MAX_BODY = 256 << 20
"""Most bytes of the response to a call; those that hubs send have a few million at most."""


@attrs.frozen
class Call(Generic[T_co]):
    """One request.

    ``path`` is percent-encoded and begins with ``/``, or is an absolute URL
    that a hub sent (a ``Link``, an LFS ``href``). ``is_repeatable``: sending
    it twice has the effect of sending it once. ``is_authorized``: the client
    sends the token, but never to another origin than the hub's. ``subject``
    names the subject of the call in messages (``model alice/bert``).
    ``most_bytes`` limits the body of the response, once it is decoded; None is
    for contents of files, whose size the caller knows.
    """

    method: str
    path: str
    read: Callable[[Response], T_co] = attrs.field(repr=False)
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = attrs.field(default=None, repr=False)
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    is_authorized: bool = True
    is_repeatable: bool = attrs.Factory(lambda self: self.method in _REPEATABLE, takes_self=True)
    most_bytes: int | None = MAX_BODY


@attrs.frozen
class ResultPage(Generic[T_co]):
    """A page of a list, and the absolute URL of the next page (None: this is the last page).

    ``commit`` is the commit whose content is listed, if the hub sends it.
    """

    items: list[T_co]
    next_url: str | None
    commit: str | None = None


# --- building requests ------------------------------------------------------


def segment(text: str) -> str:
    """Return the text encoded as one segment of a URL path; ``/`` is encoded too."""
    return urllib.parse.quote(text, safe="")


def repo_api(ref: RepoRef, *rest: str) -> str:
    """Return the API path of a repository, followed by the segments of ``rest``, which this function encodes."""
    return "/".join((f"/api/{ref.type.plural}/{ref.id}", *map(segment, rest)))


def json_body(value: object) -> bytes:
    """Encode a shape or a plain value as JSON."""
    return msgspec.json.encode(value)


def sparse_body(value: msgspec.Struct) -> bytes:
    """Encode a shape as JSON without its nulls, some of which the public hub refuses."""
    return json_body({key: item for key, item in msgspec.to_builtins(value).items() if item is not None})


def pairs(**values: str | int | bool | Iterable[str] | None) -> tuple[tuple[str, str], ...]:
    """Return a query: None is omitted, booleans become ``true`` and ``false``, lists repeat their key."""
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, bool):
            found.append((key, "true" if value else "false"))
        elif isinstance(value, str | int):
            found.append((key, str(value)))
        elif value is not None:
            found.extend((key, item) for item in value)
    return tuple(found)


# --- reading responses ------------------------------------------------------


def nothing(_answer: Response) -> None:
    """Ignore the body of a response whose status is all that matters."""


def json_as(shape: type[T]) -> Callable[[Response], T]:
    """Return a reader that decodes JSON into this shape and ignores unknown keys.

    The reader raises AnswerUnusable if the body does not match the shape.
    """
    decoder = msgspec.json.Decoder(shape, strict=False)

    def read(answer: Response) -> T:
        try:
            return decoder.decode(answer.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise AnswerUnusable(without_query(answer.url), str(error)) from error

    return read


def without_nulls(shape: type[T]) -> Callable[[Response], T]:
    """Return a reader like :func:`json_as` that treats a ``null`` the shape does not expect as an absent key.

    Use it for responses in which hubs omit different keys.
    """
    decoder = msgspec.json.Decoder(shape, strict=False)

    def read(answer: Response) -> T:
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            return decoder.decode(answer.body)
        try:
            return msgspec.convert(_dropped(msgspec.json.decode(answer.body)), shape, strict=False)
        except (msgspec.DecodeError, RecursionError) as error:
            raise AnswerUnusable(without_query(answer.url), str(error)) from error

    return read


def page_of(read: Callable[[Response], list[T]]) -> Callable[[Response], ResultPage[T]]:
    """Return a reader of one page: ``read`` decodes its items, the ``Link`` header gives the next page."""
    return lambda answer: ResultPage(read(answer), next_url(answer), answer.headers.get("x-repo-commit"))


def next_url(answer: Response) -> str | None:
    """Return the absolute URL of the next page, or None if there is none. Source: RFC 8288."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return joined(answer.url, found[1]) if found else None


def known(value: T | msgspec.UnsetType) -> T | None:
    """Return the value, or None if the response does not have the key."""
    return None if value is msgspec.UNSET else value


def joined(base: str, reference: str) -> str:
    """Return the URL that a hub sent, resolved against the URL of the request.

    Raises:
        AnswerUnusable: the URL is invalid; the error does not quote it, because it may hold a password.
    """
    try:
        return urllib.parse.urljoin(base, reference)
    except ValueError:
        raise AnswerUnusable(without_query(base), "it contains an address that is not a valid URL") from None


def without_query(url: str) -> str:
    """Return the URL without its query, which holds the secret of a signed link, and with user and password masked."""
    return redact(url.partition("?")[0])


def _dropped(value: object) -> object:
    if isinstance(value, dict):
        return {key: _dropped(item) for key, item in value.items() if item is not None}
    return [_dropped(item) for item in value] if isinstance(value, list) else value
