"""Memory of whole answers to reads, by caller and request, for as long as the database does not change.

An answer is found only by a request with the same credentials and the same values of everything else
that its handler reads. If the database has not changed, the caller has the same rights; only the
expiry of the token depends on the clock, and is checked again.

GET and HEAD share their answers, because clients ask for a file with one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import TypeAlias

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from entrepot.hub.callers import MaybeCaller, is_expired
from entrepot.hub.versioned_cache import Share, Version, VersionedCache
from entrepot.server.files import FileResponse
from entrepot.server.responders import MemoryContent
from entrepot.settings import Settings

Reusable: TypeAlias = Response | FileResponse
"""A response that can be sent any number of times."""

_READ = frozenset({b"host", b"x-forwarded-proto", b"x-forwarded-host"})
_OF_BROWSERS = frozenset({b"cookie", b"sec-fetch-site"})
_METHODS = frozenset({"GET", "HEAD"})
_LARGEST_SHARE = 4
_LONGEST_KEY = 512

_OBJECTS, _AGAIN, _HEADERS = 1024, 2048, 2048
"""Memory in addition to the bytes of an answer: its objects, those of repeated work, and the headers of a file;
measured and rounded."""


@attrs.frozen
class RememberedAnswer:
    """An answer, its caller, and what a request for it also has to do."""

    response: Reusable
    caller: MaybeCaller
    again: Callable[[Request], None] | None = None

    @property
    def has_body(self) -> bool:
        """Whether the answer can be sent to GET, not only to HEAD."""
        if not isinstance(self.response, FileResponse) or not isinstance(self.response.content, MemoryContent):
            return True
        return self.response.content.is_whole


class AnswerMemory:
    """Answers of one version of the database. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Start empty; answers take at most their share of ``remembered_bytes`` of the settings."""
        self._settings = settings
        most = Share.ANSWERS.of(settings.remembered_bytes)
        self._held = VersionedCache[RememberedAnswer](most)
        self._largest = most // _LARGEST_SHARE

    @property
    def size(self) -> int:
        """The size of all answers together, in bytes."""
        return self._held.size

    def key_of(self, scope: Scope) -> Hashable | None:
        """Return the key that requests with the same answer share; None for requests of browsers, and for changes."""
        if not self._largest or scope["method"] not in _METHODS:
            return None
        read: list[tuple[bytes, bytes]] = []
        for name, value in scope["headers"]:
            if name in _READ:
                read.append((name, value))
            elif name == b"authorization":
                read.append((name, hashlib.blake2b(value, digest_size=32).digest()))
            elif name in _OF_BROWSERS:
                return None
        client = scope.get("client")
        is_proxy = bool(self._settings.trusted_proxies) and client is not None and self._settings.trusts(client[0])
        server = scope.get("server")
        key = (
            scope["path"], scope["query_string"], scope.get("scheme"), is_proxy,
            server and server[0], tuple(read),
        )  # fmt: skip
        length = len(scope["path"]) + len(scope["query_string"]) + sum(len(value) for _, value in read)
        # Clients choose the length of a key: a long one must not take more memory than is counted.
        return key if length <= _LONGEST_KEY else hashlib.blake2b(repr(key).encode(), digest_size=32).digest()

    def find(
        self, version: Version | None, key: Hashable, now_ms: int, *, needs_body: bool = True
    ) -> RememberedAnswer | None:
        """Return the answer to a request if its caller's token is still valid.

        Args:
            needs_body: False for HEAD.
        """
        found = self._held.find(version, key)
        if found is not None and needs_body and not found.has_body:
            return None
        if found is not None and found.caller is not None and is_expired(found.caller.token, now_ms):
            self._held.forget(key)
            return None
        return found

    def put(self, version: Version | None, key: Hashable, answer: RememberedAnswer) -> None:
        """Remember an answer if it is successful and small."""
        size = _size_of(answer.response)
        if size is not None and size <= self._largest:
            objects = _OBJECTS if answer.again is None else _OBJECTS + _AGAIN
            self._held.put(version, key, answer, size + objects)


def _size_of(response: Reusable) -> int | None:
    """Return the bytes that a response holds; None if it cannot be sent again."""
    if isinstance(response, FileResponse):
        return len(response.content.data) + _HEADERS if isinstance(response.content, MemoryContent) else None
    if type(response) is not Response or response.status_code != 200 or response.background is not None:
        return None
    return len(response.body)
