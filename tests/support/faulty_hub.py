"""A minimal hub with one file that it can send incorrectly."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler

import attrs

from entrepot.names import RepoId, RepoRef, RepoType


@attrs.define
class FaultyHub:
    """A minimal hub with one file that it can be told to send incorrectly; it has only routes that every hub has."""

    url: str
    data: bytes
    etag: str
    knows_ranges: bool = True
    cut_after: list[int] = attrs.field(factory=list)  # bytes to send, one entry per connection
    sent: list[tuple[int, int]] = attrs.field(factory=list)  # status and length of each response to GET
    size: int | None = None  # announced instead of the real size

    @property
    def ref(self) -> RepoRef:
        return RepoRef(RepoType.MODEL, RepoId("ns", "name"))


class _FaultyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._head(200, len(self._stand.data))

    def do_GET(self) -> None:
        stand = self._stand
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(found[1]) if found and stand.knows_ranges else 0
        body = stand.data[start:]
        self._head(206 if start else 200, len(body), start)
        if stand.cut_after:
            body = body[: stand.cut_after.pop(0)]
            self.close_connection = True
        stand.sent.append((206 if start else 200, len(body)))
        self.wfile.write(body)

    def _head(self, status: int, length: int, start: int = 0) -> None:
        stand = self._stand
        self.send_response(status)
        self.send_header("ETag", f'"{stand.etag}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("X-Linked-Size", str(len(stand.data) if stand.size is None else stand.size))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(stand.data) - 1}/{len(stand.data)}")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    @property
    def _stand(self) -> FaultyHub:
        stand: FaultyHub = self.server.stand  # type: ignore[attr-defined]
        return stand

    def log_message(self, *_: object) -> None:
        pass
