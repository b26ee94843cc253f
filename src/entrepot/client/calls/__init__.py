"""Requests as values: what to send, and how to read the answer. No socket is touched here.

One module per noun of the API makes :class:`Call` values; the transport
(``client/transport.py``) sends them. A reader is only given answers whose
status is below 400, or of a HEAD that was redirected to another origin.

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
    """What came back: header names are lower case, ``url`` is where the answer came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@attrs.frozen
class Call(Generic[T_co]):
    """One request.

    ``path`` is percent-encoded and begins with ``/``, or is an absolute URL
    that a hub gave (a ``Link``, an LFS ``href``). ``is_repeatable``: sending
    it twice has the effect of sending it once. ``is_authorized``: the token
    goes along, though never to another origin than the hub's. ``subject``
    says for messages what the call is about (``model alice/bert``).
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


@attrs.frozen
class ResultPage(Generic[T_co]):
    """Some items of a list, and the absolute URL of the next ones; None: these were the last."""

    items: list[T_co]
    next_url: str | None


# --- making requests --------------------------------------------------------


def segment(text: str) -> str:
    """The text as one segment of a URL path; ``/`` is encoded too."""
    return urllib.parse.quote(text, safe="")


def repo_api(ref: RepoRef, *rest: str) -> str:
    """The API path of a repository, and of what ``rest`` (segments, encoded here) names in it."""
    return "/".join((f"/api/{ref.type.plural}/{ref.id}", *map(segment, rest)))


def json_body(value: object) -> bytes:
    """A shape or plain value as JSON."""
    return msgspec.json.encode(value)


def sparse_body(value: msgspec.Struct) -> bytes:
    """A shape as JSON without its nulls, some of which the public hub refuses."""
    return json_body({key: item for key, item in msgspec.to_builtins(value).items() if item is not None})


def pairs(**values: str | int | bool | Iterable[str] | None) -> tuple[tuple[str, str], ...]:
    """A query: None is left out, booleans become ``true`` and ``false``, lists repeat their key."""
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, bool):
            found.append((key, "true" if value else "false"))
        elif isinstance(value, str | int):
            found.append((key, str(value)))
        elif value is not None:
            found.extend((key, item) for item in value)
    return tuple(found)


# --- reading answers --------------------------------------------------------


def nothing(_answer: Response) -> None:
    """A reader for answers that say nothing but their status."""


def json_as(shape: type[T]) -> Callable[[Response], T]:
    """A reader of JSON as this shape; keys that the shape does not know are ignored.

    The reader raises AnswerUnusable when the body is not that.
    """
    decoder = msgspec.json.Decoder(shape, strict=False)

    def read(answer: Response) -> T:
        try:
            return decoder.decode(answer.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise AnswerUnusable(without_query(answer.url), str(error)) from error

    return read


def without_nulls(shape: type[T]) -> Callable[[Response], T]:
    """As :func:`json_as`, but a ``null`` that the shape does not expect counts as an absent key.

    For answers in which hubs differ in what they leave out.
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
    """A reader of one page: its items by ``read``, and the next page by the ``Link`` header."""
    return lambda answer: ResultPage(read(answer), next_url(answer))


def next_url(answer: Response) -> str | None:
    """The absolute URL of the next page; None: there is none. Source: RFC 8288."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return joined(answer.url, found[1]) if found else None


def known(value: T | msgspec.UnsetType) -> T | None:
    """The value, or None for a key that the answer did not have."""
    return None if value is msgspec.UNSET else value


def joined(base: str, reference: str) -> str:
    """Return the address that a hub names, relative to the one that it was asked at.

    Raises:
        AnswerUnusable: it is no valid address; it is not quoted, because a password may stand in it.
    """
    try:
        return urllib.parse.urljoin(base, reference)
    except ValueError:
        raise AnswerUnusable(without_query(base), "it names an address that is no valid URL") from None


def without_query(url: str) -> str:
    """Return the URL without its query, in which a signed link has its secret, and with user and password masked."""
    return redact(url.partition("?")[0])


def _dropped(value: object) -> object:
    if isinstance(value, dict):
        return {key: _dropped(item) for key, item in value.items() if item is not None}
    return [_dropped(item) for item in value] if isinstance(value, list) else value
