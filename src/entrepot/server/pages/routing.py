"""Routes of pages: they match after every other route, and answer errors of browsers with a page.

A page never takes a path from the API: its routes come last, match GET and HEAD
(forms also POST) only, and never a first segment that is reserved for routes.
What they do not match is absent: a page for browsers, and JSON for everyone else.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from entrepot.errors import Damaged, EntrepotError, RepoMoved, SecondFactorMissing
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.names.accounts import RESERVED
from entrepot.server.handlers import app_state, call_hub, repo_of
from entrepot.server.log_format import render
from entrepot.server.pages.error_pages import show_absent, show_error
from entrepot.server.pages.forms import OutdatedForm
from entrepot.server.public_urls import path_prefix
from entrepot.server.raw_path import decode_segment

PageHandler = Callable[[Request], Awaitable[Response]]
"""A handler of one page."""

RepoPageHandler = Callable[[Request, RepoRef], Awaitable[Response]]
"""A handler of one page of a repository."""

_log = logging.getLogger("entrepot.server")


class PageRoute(Route):
    """A route of a page."""

    def __init__(
        self,
        path: str,
        handler: PageHandler,
        methods: Sequence[str] = ("GET",),
        *,
        is_short: bool = False,
        sets_up_factor: bool = False,
    ) -> None:
        """Prepare the route; its handler may use the session of a browser, and its errors become pages.

        Args:
            is_short: whether it is for ids without a namespace, derived from another route.
            sets_up_factor: whether it is for setting up a second factor, so that visitors who lack a required one
                may use it.
        """
        super().__init__(path, _answering(handler, sets_up_factor=sets_up_factor), methods=list(methods))
        self.is_short = is_short

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as other routes do, but never a reserved name, and never half: there is no 405."""
        match, found = super().matches(scope)
        if match is not Match.FULL:
            return Match.NONE, {}
        params = found["path_params"]
        owner = params.get("namespace") or params.get("account")
        if self.path.startswith("/{name}"):
            owner = params["name"]
        is_reserved = owner is not None and (owner.lower() in RESERVED or len(owner) < 2)
        if is_reserved or str(params.get("name", "")).lower().endswith(".git"):
            return Match.NONE, {}
        return match, found


def repo_pages(
    action: str, handler: RepoPageHandler, methods: Sequence[str] = ("GET",), *, has_short: bool = True
) -> list[PageRoute]:
    """Return the routes of one page of repositories, for all types, with and without a namespace in the id.

    Args:
        action: the path after the repository, such as ``/tree/{tail:path}``; may be empty.
        has_short: whether ids without a namespace are understood too; not for
            actions that could be the name of a repository.
    """
    # Those of models come last: "/datasets/a/tree/x" is no page of a model "datasets/a".
    kinds = sorted(VERSIONED_TYPES, key=lambda kind: kind.prefix, reverse=True)
    full = [
        PageRoute(f"/{kind.prefix}{{namespace}}/{{name}}{action}", _bound(handler, kind), methods) for kind in kinds
    ]
    if not has_short:
        return full
    short = [
        PageRoute(f"/{kind.prefix}{{name}}{action}", _bound(handler, kind), methods, is_short=True)
        for kind in kinds
        if kind.prefix or action  # "/gpt2" is the page of an account, which knows aliases too
    ]
    return [*full, *short]


def account_of(request: Request) -> str:
    """Return the name of the account in the path.

    Raises:
        Malformed: its encoding is invalid.
    """
    return decode_segment(request.path_params["account"])


def wants_html(request: Request) -> bool:
    """Return whether the client says that it reads HTML, as browsers do; others get errors as from the API."""
    return "text/html" in request.headers.get("accept", "")


async def answer_unserved(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that no route matches: browsers get the page for what is absent or hidden.

    If the path without slashes at its end is the address of a page, they are redirected to it, whatever it shows.

    Raises:
        HTTPException: 404, for everyone else and for paths of the API; the middleware sends it as JSON.
    """
    request = Request(scope, receive, send)
    path = scope["path"]
    if not wants_html(request) or path == "/api" or path.startswith("/api/"):
        raise HTTPException(404)
    response = _without_slash(request) or await _absent_page(request)
    await response(scope, receive, send)


def _without_slash(request: Request) -> Response | None:
    """Return a permanent redirect to the page that a path without the slashes at its end is the address of."""
    scope = request.scope
    path, query = scope["path"].rstrip("/"), scope["query_string"].decode("latin-1")
    if request.method not in ("GET", "HEAD") or path in ("", scope["path"]) or path.startswith("//"):
        return None
    wanted = {**scope, "path": path}
    found = next((route for route in scope["router"].candidates(path) if route.matches(wanted)[0] is Match.FULL), None)
    if not isinstance(found, PageRoute):
        return None
    root = path_prefix(app_state(request).hub.settings)
    # What a browser could read as another host, such as a backslash, is escaped: starlette quotes the address.
    return RedirectResponse(root + path + (f"?{query}" if query else ""), 308, {"vary": "Accept"})


async def _absent_page(request: Request) -> Response:
    request.scope["state"]["takes_session"] = True
    try:
        await _note_visitor(request)
    except EntrepotError as error:
        return _show_problem(request, error)
    return show_absent(request)


async def _note_visitor(request: Request) -> None:
    """Find out who asks, unless that is known: the header of the page names the visitor."""
    state, headers = request.scope["state"], request.headers
    if "caller" not in state and ("cookie" in headers or "authorization" in headers):
        await call_hub(request, lambda _hub, _caller: None)


def _show_problem(request: Request, error: EntrepotError) -> Response:
    """Return the page of an error; visitors who lack a required second factor are led to where they set one up."""
    if isinstance(error, SecondFactorMissing) and "authorization" not in request.headers:
        root = path_prefix(app_state(request).hub.settings)
        return RedirectResponse(f"{root}/settings/security", 303, {"cache-control": "no-store"})
    return show_error(request, error)


def _bound(handler: RepoPageHandler, kind: RepoType) -> PageHandler:
    async def endpoint(request: Request) -> Response:
        request.path_params.setdefault("namespace", "")
        ref = repo_of(request, kind)
        request.scope["state"]["repo_of_page"] = ref
        return await handler(request, ref)

    return endpoint


def _answering(handler: PageHandler, *, sets_up_factor: bool) -> PageHandler:
    async def endpoint(request: Request) -> Response:
        request.scope["state"]["takes_session"] = True
        request.scope["state"]["sets_up_factor"] = sets_up_factor
        try:
            return await handler(request)
        except RepoMoved:
            raise
        except HTTPException as error:
            if error.status_code != 404 or not wants_html(request):
                raise
            return await _absent_page(request)
        except EntrepotError as error:
            if not wants_html(request):
                raise
            if isinstance(error, OutdatedForm):
                with contextlib.suppress(EntrepotError):
                    await _note_visitor(request)
            if isinstance(error, Damaged):
                state = request.scope["state"]
                _log.error(render("page.failed", id=state["request_id"], path=request.scope["path"]), exc_info=error)
            return _show_problem(request, error)

    return endpoint
