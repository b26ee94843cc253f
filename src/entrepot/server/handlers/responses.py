"""JSON responses, and the headers of lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from entrepot.names import quote_path
from entrepot.server.handlers.requests import base_url


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def left_out_header(paths: Sequence[str]) -> dict[str, str]:
    """Return the header that names paths missing from a listing; no header if none is missing.

    Clients show the text after the semicolon as a warning. Paths are quoted as
    git prints them, and cut to the length of a header.
    """
    if not paths:
        return {}
    named = ", ".join(quote_path(path)[:200] for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    text = f"left out because of their names: {named}{more}; delete them under these names, or rename them with git"
    return {"X-HF-Warning": f"unreadable-paths; {text}"}


def next_link(request: Request, changes: Mapping[str, str], *, without: Collection[str] = ()) -> str:
    """Return the ``Link`` header of a page: the URL of this request with some parameters replaced or removed.

    Source: docs/protocols/hf_api.md, section 0.3 (absolute URL; clients follow it verbatim).
    """
    dropped = {*changes, *without}
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in dropped]
    query = urlencode([*kept, *changes.items()])
    return f'<{base_url(request)}{request.scope["path"]}?{query}>; rel="next"'
