"""Error pages: what happened, why, and what to do; the same for hidden and for missing things."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import (
    EntrepotError,
    EntryNotFound,
    GatedRepo,
    HistoryBeingIndexed,
    LoginRequired,
    Malformed,
    NotFound,
    RepoArchived,
    RepoDisabled,
    RepoNotFound,
    RevisionNotFound,
    ThingNotFound,
)
from entrepot.names import RepoRef
from entrepot.server.error_responses import error_response
from entrepot.server.pages.forms import FRESH, Form, OutdatedForm, sentence
from entrepot.server.pages.frames import WebPage, page_response
from entrepot.wire.texts import legible

_TITLES: dict[type[EntrepotError], str] = {
    RepoNotFound: "This page does not exist",
    RevisionNotFound: "This revision does not exist",
    EntryNotFound: "This file does not exist",
    GatedRepo: "The files of this repository are gated",
    RepoArchived: "This repository is archived",
    RepoDisabled: "This repository is disabled",
    HistoryBeingIndexed: "The history is being indexed",
    OutdatedForm: "Nothing was sent: your session has changed",
    NotFound: "This page does not exist",
}
_BY_STATUS = {
    400: "This request cannot be read",
    401: "Sign in to see this page",
    403: "You may not do this",
    409: "This is not possible now",
    410: "This page is gone",
    413: "This is too large",
    416: "This request cannot be read",
    422: "This request cannot be read",
    429: "Too many requests",
    500: "Stored data is damaged",
    503: "The hub cannot answer now",
    507: "There is no space left",
}
_HIDDEN_TEXT = "The address is wrong, or the repository is private. This page is the same in both cases."


_PARAMETER = re.compile(r"parameter '(\w+)'")
_SHOWN = 200
_RELOAD_S = 2
_INDEXED_TEXT = "Many commits of this repository are new. This page loads again automatically until they are indexed."
_OUTDATED_TEXT = "You have signed out, or in again, since the page with this form was opened. Nothing has changed."
_LOGIN_TEXT = "This page is for users of this hub. You come back here after you have signed in."


@attrs.frozen
class LastVersion:
    """Where a file or folder is found that a revision no longer has: paths of pages of this hub."""

    page: str
    commit: str
    history: str


@attrs.frozen
class NextPage:
    """A link of an error page to another page of the same repository: its path on this hub, and its label."""

    page: str
    label: str


@attrs.frozen
class AccessLink:
    """The page on which a user asks for access to gated files: its path on this hub, and what it does."""

    page: str
    action: str


def show_error(request: Request, error: EntrepotError, last: LastVersion | None = None) -> Response:
    """Return the page of an error, with the status and the error headers that the API would send.

    Args:
        last: what the page leads to instead of a file that is not found.
    """
    answer = error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])
    title = next((_TITLES[kind] for kind in type(error).__mro__ if kind in _TITLES), None)
    title = title or _BY_STATUS.get(answer.status, "Something went wrong")
    next_pages = _next_pages(error, request.scope["state"].get("repo_of_page"))
    page = error_page(
        answer.status,
        title,
        _text_of(error),
        last,
        gate=_gate_of(error),
        next_pages=next_pages,
        reloads=isinstance(error, HistoryBeingIndexed),
        leaves_query=_parameter_of(error) is not None and request.method in ("GET", "HEAD"),
        kept=error.form if isinstance(error, OutdatedForm) else FRESH,
    )
    skipped = (b"content-type", b"content-length")
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers if name.lower() not in skipped}
    if isinstance(error, OutdatedForm):
        headers["cache-control"] = "no-store"
    if page.values["reloads"]:
        headers["refresh"] = str(_RELOAD_S)  # works without scripts
    return page_response(request, page, headers)


def show_absent(request: Request) -> Response:
    """Return the page of an address that nothing serves, which is also that of things hidden from the visitor."""
    return page_response(request, error_page(404, _TITLES[RepoNotFound], _HIDDEN_TEXT))


def _text_of(error: EntrepotError) -> str:
    """Return the text of a page about an error; it replaces messages of the public hub, which say little to people."""
    parameter = _parameter_of(error)
    if parameter is not None:
        return f"The address of this page has a value for “{parameter}” that the page does not know."
    match error:
        case RepoNotFound():
            return _HIDDEN_TEXT
        case HistoryBeingIndexed():
            return _INDEXED_TEXT
        case LoginRequired():
            return _LOGIN_TEXT
        case GatedRepo():
            return gate_sentence(error)
        case OutdatedForm():
            return _OUTDATED_TEXT
        case RevisionNotFound(revision=revision):
            return f"The repository has no branch, tag or commit that is called “{legible(revision)[:_SHOWN]}”."
        case EntryNotFound(path=path, reason="Entry not found"):
            return f"This revision has nothing at the path “{legible(path)[:_SHOWN]}”."
        case _:
            return sentence(error)


def gate_sentence(error: GatedRepo) -> str:
    """Return why a visitor may not read gated files, and what to do."""
    if error.anonymous:
        return f"To read the files of this {error.kind}, sign in and ask for access."
    match error.request:
        case "pending":
            return "Your request for access waits for a decision. You are notified of it."
        case "rejected":
            return f"Those who may write to this {error.kind} have rejected your request for access."
        case _:
            return f"To read the files of this {error.kind}, ask for access. Their list is open."


def gate_link(error: GatedRepo) -> AccessLink:
    """Return the page of a gate, and what the visitor does there."""
    action = "How to get access" if error.anonymous else "See your request" if error.request else "Request access"
    return AccessLink(error.page, action)


def _parameter_of(error: EntrepotError) -> str | None:
    """Return the name of the parameter of the address that an error is about; None for other errors."""
    found = _PARAMETER.fullmatch(error.what) if isinstance(error, Malformed) else None
    return found[1] if found is not None else None


def _gate_of(error: EntrepotError) -> AccessLink | None:
    """Return where a user asks for access to files that are gated; None if asking is not what helps."""
    if not isinstance(error, GatedRepo) or error.anonymous:
        return None
    return gate_link(error)


def _next_pages(error: EntrepotError, ref: RepoRef | None) -> list[NextPage]:
    """Return links to other pages of the repository, if the visitor may see it but the requested page failed."""
    if ref is None or not isinstance(error, EntryNotFound | GatedRepo | RevisionNotFound | ThingNotFound):
        return []
    here = NextPage(f"/{ref.path}", f"Go to {ref.id}")
    match error:
        case EntryNotFound():
            return [here, NextPage(f"/{ref.path}/tree/main", "Files")]
        case RevisionNotFound():
            return [here, NextPage(f"/{ref.path}/refs", "Branches and tags")]
        case ThingNotFound(what="discussion" | "pull request"):
            return [here, NextPage(f"/{ref.path}/discussions", "Discussions")]
        case _:
            return [here]


def error_page(
    status: int,
    title: str,
    text: str,
    last: LastVersion | None = None,
    *,
    gate: AccessLink | None = None,
    next_pages: Sequence[NextPage] = (),
    reloads: bool = False,
    leaves_query: bool = False,
    kept: Form = FRESH,
) -> WebPage:
    """Return the page of an error, with a link to sign in unless that cannot help.

    Args:
        reloads: whether the browser loads the page again automatically, because it will soon succeed.
        leaves_query: whether the page leads to the same address without its query.
        kept: what was typed into a form that was refused, to send it again.
    """
    may_sign_in = status in (401, 403, 404, 410)
    values = {
        "status": status,
        "text": text,
        "may_sign_in": may_sign_in,
        "last": last,
        "gate": gate,
        "next_pages": next_pages,
        "reloads": reloads,
        "leaves_query": leaves_query,
        "kept": [(name, value) for name, values in kept.fields.items() for value in values],
    }
    return WebPage("error.html", title, values, status)
