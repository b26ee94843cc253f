"""Pagination: opaque cursors and ``Link`` headers.

Source: docs/protocols/hf_api.md, section 4.4 (cursors are opaque, ``Link`` is absolute, the last page has none).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection

import msgspec
from starlette.requests import Request

from entrepot.errors import Malformed
from entrepot.server.handlers import next_link

_NAME = re.compile(r"[\x21-\x7e]{0,200}")

After = tuple[float, int]
"""Position after which a page begins: the sort value and the id of a row."""


def after_of(request: Request) -> After | None:
    """Return the position after which the requested page begins; None means the start.

    Raises:
        Malformed: the cursor was not created by this module.
    """
    text = request.query_params.get("cursor")
    return parse_cursor(text) if text else None


def link_to(request: Request, after: After | None, *, without: Collection[str] = ()) -> dict[str, str] | None:
    """Return the headers with the link to the page after ``after``; None if there is none.

    Args:
        without: parameters that count for the first page only.
    """
    if after is None:
        return None
    return {"Link": next_link(request, {"cursor": render_cursor(after)}, without=without)}


def name_after(request: Request) -> str:
    """Return the name after which the requested page of a list by name begins; empty means the start.

    Raises:
        Malformed: the cursor cannot be a name.
    """
    return parse_name(request.query_params.get("cursor", ""))


def parse_name(text: str) -> str:
    """Return the name in a cursor; empty means the start.

    Raises:
        Malformed: no name is like this.
    """
    if not _NAME.fullmatch(text):
        raise bad_cursor()
    return text


def link_to_name(request: Request, after: str | None) -> dict[str, str] | None:
    """Return the headers with the link to the page after a name; None if there is none."""
    return {"Link": next_link(request, {"cursor": after})} if after is not None else None


def render_cursor(after: After) -> str:
    """Render a position in a list as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def parse_cursor(text: str) -> After:
    """Parse a cursor of :func:`render_cursor`; integers stay integers.

    Raises:
        Malformed: the cursor was not created by this module.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        value, row = msgspec.json.decode(raw, type=tuple[int | float, int])
    except (ValueError, msgspec.DecodeError):
        raise bad_cursor() from None
    if max(abs(value), abs(row)) >= 1 << 63:
        raise bad_cursor()
    return value, row


def bad_cursor() -> Malformed:
    """Return the error about a cursor that no page of a list has."""
    return Malformed("parameter 'cursor'", "use the cursor in the Link header of the previous page")
