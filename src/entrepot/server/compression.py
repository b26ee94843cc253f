"""Compression of pages by gzip, where the size of a response cannot reveal what is in it.

An attacker who sees only the sizes of encrypted responses, and can make the browser of a visitor open addresses with
texts of their choice, could guess a secret of a page: a text that is on the page already compresses better (BREACH).
Pages of a visitor who is signed in have such secrets: names of private repositories, and the token of forms, which is
the same on all pages of a session. (A token that is masked for each response would protect itself, but no name.) So
no response that others can cause is compressed for a visitor with a cookie or a token: browsers say which requests
the user or a page of this hub made (``Sec-Fetch-Site``), and which of them open a page (``Sec-Fetch-Mode:
navigate``), as pictures of a card do not. A link on another site costs its visitor the uncompressed page. Anonymous
visitors get pages without secrets, always compressed. Over plain http, where sizes reveal nothing that is not
readable, browsers leave these headers out, and pages are compressed.

Answers of the API are not compressed: a thousand files of a tree take 2 ms of processor time, and most of their bytes
are digests, which stay. Downloads are files that are compressed already.
"""

from __future__ import annotations

import zlib

from starlette.requests import Request

from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state

MIN_BYTES = 1_400
"""Pages below this size, about one packet, are sent as they are."""

_LEVEL = 1  # higher levels make pages a tenth smaller, and take twice as long
_GZIP = 31  # zlib's window bits for the format of gzip, whose header then has no time: equal pages are equal bytes


def accepts_gzip(header: str) -> bool:
    """Return whether the value of ``Accept-Encoding`` names gzip, or all encodings, with a weight above 0."""
    weights = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = _weight(parameters)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def may_compress(request: Request) -> bool:
    """Return whether a page may be sent in compressed form: the client reads gzip, and its size reveals nothing."""
    headers = request.headers
    if not accepts_gzip(headers.get("accept-encoding", "")):
        return False
    if "cookie" not in headers and "authorization" not in headers:
        return True
    if "sec-fetch-site" not in headers:
        return not browser_sessions.is_https(request.scope, app_state(request).hub)
    return browser_sessions.is_own_request(request) and headers.get("sec-fetch-mode") == "navigate"


def compress_page(request: Request, body: bytes) -> bytes | None:
    """Return a page packed by gzip, or None if it is short or may not be compressed.

    A page of 100 KB takes about a millisecond.
    """
    if len(body) < MIN_BYTES or not may_compress(request):
        return None
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
