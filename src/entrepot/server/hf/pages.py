"""Pages of long lists: where the next one begins, as text that means nothing to clients.

Source: docs/protocols/hf_api.md, section 4.4 (cursors are opaque, ``Link`` is absolute, the last page has none).
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from starlette.requests import Request

from entrepot.errors import Malformed
from entrepot.server.handlers import next_link

After = tuple[float, int]
"""Behind which row a page begins: the value the list is sorted by, and the row's id."""


def after_of(request: Request) -> After | None:
    """Where the page that a request asks for begins; None: at the start.

    Raises:
        Malformed: the cursor was not written here.
    """
    text = request.query_params.get("cursor")
    return parse_cursor(text) if text else None


def link_to(request: Request, after: After | None) -> dict[str, str] | None:
    """The headers that lead to the page behind ``after``; None when there is none."""
    return {"Link": next_link(request, {"cursor": render_cursor(after)})} if after is not None else None


def render_cursor(after: After) -> str:
    """A place between two rows of a list."""
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def parse_cursor(text: str) -> After:
    """Read what :func:`render_cursor` wrote; whole numbers stay whole.

    Raises:
        Malformed: it was not written here.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        value, row = msgspec.json.decode(raw, type=tuple[int | float, int])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise Malformed("parameter 'cursor'", "take it from the Link header of the page before") from None
    if max(abs(value), abs(row)) >= 1 << 63:
        raise Malformed("parameter 'cursor'", "take it from the Link header of the page before")
    return value, row
