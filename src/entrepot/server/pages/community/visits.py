"""Whether a person has opened a page in a browser; only such visits mark notifications as read."""

from __future__ import annotations

from starlette.requests import Request

_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def is_visit(request: Request) -> bool:
    """Return whether the user of a browser session has opened a page, by what the browser reports.

    These do not count: requests with a token, which programs send; requests ahead of time (prefetch, prerender);
    requests for an image, a frame or a script of another page; and navigation by another site without a click.
    Call it in a thread, after the caller of the request is known.

    Source: https://www.w3.org/TR/fetch-metadata/, sections 2.1 to 2.4; https://wicg.github.io/nav-speculation/prefetch.html,
    section "The Sec-Purpose header".
    """
    headers = request.headers
    if request.method != "GET" or "session" not in request.scope["state"]:
        return False
    if any(name in headers for name in _PURPOSES):
        return False
    mode, destination = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    if mode is None and destination is None:  # over http, browsers only send what they can show
        return headers.get("accept", "").startswith("text/html")
    if (mode, destination) != ("navigate", "document"):
        return False
    is_own = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    return is_own or headers.get("sec-fetch-user") == "?1"
