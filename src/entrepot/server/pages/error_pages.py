"""Error pages: what happened, why, and what to do; the same for hidden and for missing things."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import (
    EntrepotError,
    EntryNotFound,
    GatedRepo,
    NotFound,
    RepoDisabled,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.server.error_responses import error_response
from entrepot.server.pages.frames import WebPage, page_response

_TITLES: dict[type[EntrepotError], str] = {
    RepoNotFound: "This page does not exist",
    RevisionNotFound: "This revision does not exist",
    EntryNotFound: "This file does not exist",
    GatedRepo: "The files of this repository are gated",
    RepoDisabled: "This repository is disabled",
    NotFound: "This page does not exist",
}
_BY_STATUS = {
    400: "This request cannot be read",
    401: "Sign in to see this page",
    403: "You may not do this",
    413: "This is too large to show",
    416: "This request cannot be read",
    422: "This request cannot be read",
    500: "Stored data is damaged",
    503: "The hub cannot answer now",
}
_HIDDEN_TEXT = "The address is wrong, or the repository is private. This page is the same in both cases."


def show_error(request: Request, error: EntrepotError) -> Response:
    """Return the page of an error, with the status and the error headers that the API would send."""
    answer = error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])
    title = next((_TITLES[kind] for kind in type(error).__mro__ if kind in _TITLES), None)
    text = _HIDDEN_TEXT if isinstance(error, RepoNotFound) else error.message
    page = _error_page(answer.status, title or _BY_STATUS.get(answer.status, "Something went wrong"), text)
    skipped = (b"content-type", b"content-length")
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers if name.lower() not in skipped}
    return page_response(request, page, headers)


def show_absent(request: Request) -> Response:
    """Return the page of an address that nothing serves, which is also that of things the visitor may not know of."""
    return page_response(request, _error_page(404, _TITLES[RepoNotFound], _HIDDEN_TEXT))


def _error_page(status: int, title: str, text: str) -> WebPage:
    values = {"status": status, "text": text[:1].upper() + text[1:], "may_sign_in": status in (401, 403, 404)}
    return WebPage("error.html", title, values, status)
