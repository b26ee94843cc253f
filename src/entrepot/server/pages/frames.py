"""The frame of every page: navigation, the visitor, addresses, and the headers that protect the page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from urllib.parse import urlsplit

import attrs
from starlette.requests import Request
from starlette.responses import Response

import entrepot
from entrepot.errors import Malformed
from entrepot.hub.accounts.passkey_proofs import PasskeySite, find_site
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import notification_lists
from entrepot.hub.context import HubContext
from entrepot.server.browser_sessions import csrf_token, find_cookie
from entrepot.server.compression import compress_page
from entrepot.server.handlers import app_state, base_url, call_hub, call_hub_in_turn, call_hub_slow
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.pages import static_files
from entrepot.server.pages.templates import render_template
from entrepot.server.public_urls import path_prefix
from entrepot.server.ranges import none_match
from entrepot.server.rendering import warming

SCRIPTS = tuple((name, static_files.integrity(name)) for name in ("copy.mjs", "keys.mjs"))
"""The scripts of every page, with their hashes: buttons that copy, and single keys.

Pages without scripts of their own allow no others.
"""

_SCRIPT_SOURCE = " ".join(["script-src", *(f"'{sha256}'" for _, sha256 in SCRIPTS)])

POLICY = (
    f"default-src 'none'; {_SCRIPT_SOURCE}; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of pages. Explained in docs/web-pages.md, section Protection."""

UPLOAD_POLICY = POLICY.replace(_SCRIPT_SOURCE, "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'")
"""The policy of the page that uploads, whose scripts and worker are the hub's own files."""

SCRIPT_POLICY = POLICY.replace(_SCRIPT_SOURCE, "script-src 'self'")
"""The policy of pages with a script of the hub's own."""

THEME_COOKIE = "entrepot_theme"
"""The name of the cookie of a theme. It has no rights, so every page may set it over plain http too."""

THEMES = ("light", "dark")
"""Themes that visitors choose instead of that of their system."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-cache",
    "vary": "Accept, Accept-Encoding, Authorization, Cookie",
}

DONE = {
    "saved": "Saved.",
    "merged": "Merged.",
    "device-accepted": "The program is signed in. Go back to it: it continues within seconds.",
    "device-rejected": "The program is rejected. It gets no access.",
    "removed": "Removed.",
    "deleted": "Deleted. The space is freed after the grace period.",
    "moved": "Moved. The former address leads here.",
    "revoked": "The token is revoked. Programs that use it are refused from now on.",
    "signed-out": "The sessions have ended.",
    "password": "The password is changed. All other sessions have ended.",
    "requested": "Your request is sent.",
    "granted": "Access is granted.",
    "rejected": "The request is rejected.",
    "invited": "The invitation was sent and is waiting for an answer.",
    "accepted": "You are now a member.",
    "declined": "The invitation is declined.",
    "left": "You have left the organisation.",
    "committed": "Committed.",
    "created": "Created.",
    "collected": "Added to this collection.",
    "pinged": "The test event is sent. Its result is in the list of deliveries within seconds.",
    "repeated": "The delivery is sent again.",
    "passkey": "The passkey is added. You can sign in with it.",
    "confirmed": "Confirmed. This counts as a new sign-in for an hour.",
    "two-step-off": "Two-step sign-in is off.",
    "linked": "The identity is linked. You can sign in with it.",
}
"""What a page says after a form: the sentences that ``done`` in its address stands for."""

_POLICY = "content-security-policy"
_MAX_HERE = 1_000
_HTML = "text/html; charset=utf-8"


@attrs.frozen
class WebPage:
    """The content of a page: a template and its values; ``policy``: its content security policy."""

    template: str
    title: str
    values: Mapping[str, object] = attrs.field(factory=dict)
    status: int = 200
    policy: str = POLICY


def with_script(page: WebPage) -> WebPage:
    """Return a page whose policy allows scripts of the hub's own, such as the one that asks an authenticator."""
    return attrs.evolve(page, policy=SCRIPT_POLICY)


PageBuilder = Callable[[HubContext, MaybeCaller], WebPage]
"""Calls use cases and returns the page; runs in a thread."""


async def show_page(
    request: Request, build: PageBuilder, *, is_slow: bool = False, turns: FairSlots | None = None
) -> Response:
    """Return the response of a page; its use cases and its template run in one call in a thread.

    The entity tag is that of the whole page: what a page shows depends on more than its commit and its visitor.
    It is weak, since the page may be compressed or not. A browser that has the same page already gets 304.

    What a page shows is read from one snapshot, until it writes or waits; a slow page reads several.

    Args:
        is_slow: run on the threads for long work.
        turns: run there when it is the turn of the visitor: an account, or an address.

    Raises:
        Whatever the use cases raise.
    """

    def answer(hub: HubContext, caller: MaybeCaller) -> Response:
        with nullcontext() if is_slow or turns is not None else hub.together():
            page = build(hub, caller)
            note_unread(request, hub, caller)
        return _tagged(request, page, render_page(request, page))

    warming.begin_once()
    if turns is not None:
        return await call_hub_in_turn(request, turns, answer)
    return await (call_hub_slow if is_slow else call_hub)(request, answer)


def _tagged(request: Request, page: WebPage, body: bytes) -> Response:
    headers = {**HEADERS, _POLICY: page.policy}
    if page.status == 200:
        tag = hashlib.blake2b(body, digest_size=12).hexdigest()
        headers["etag"] = f'W/"{tag}"'
        if not none_match(request.headers.get("if-none-match"), tag):
            return Response(None, 304, headers)
    return _html_response(request, body, page.status, headers)


def _html_response(request: Request, body: bytes, status: int, headers: Mapping[str, str]) -> Response:
    packed = compress_page(request, body)
    if packed is None:
        return Response(body, status, headers, _HTML)
    return Response(packed, status, {**headers, "content-encoding": "gzip"}, _HTML)


def note_unread(request: Request, hub: HubContext, caller: MaybeCaller) -> None:
    """Count the unread notifications for the frame of the page, with one statement; in a thread."""
    request.scope["state"]["unread"] = notification_lists.count_unread(hub, caller)


def page_response(request: Request, page: WebPage, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a page that needs no use case."""
    all_headers = {**HEADERS, _POLICY: page.policy, **(headers or {})}
    return _html_response(request, render_page(request, page), page.status, all_headers)


def render_page(request: Request, page: WebPage) -> bytes:
    """Return the HTML of a page with everything around it."""
    return render_template(page.template, {**frame(request), "title": page.title, "api": api_of(page), **page.values})


def api_of(page: WebPage) -> str:
    """Return the path of the API that answers what a page of a repository shows, unless the page names another."""
    repo = page.values.get("repo")
    kind, name = getattr(repo, "kind", ""), getattr(repo, "id", "")
    return f"/api/{kind}s/{name}" if kind and name else ""


def frame(request: Request) -> Mapping[str, object]:
    """Return the values that every template may use.

    ``visitor``: the name of the signed-in account, or None; ``is_admin_of_hub``: whether it opens the administration;
    ``scripts``: names and hashes; ``theme``: as :func:`theme_of`;
    ``unread``: the number of unread notifications as text, empty for none or if it was not counted;
    ``endpoint``: the URL for clients, empty if the request does not name a known host.
    """
    state, hub = request.scope["state"], app_state(request).hub
    root = path_prefix(hub.settings)
    caller = state.get("caller")
    return {
        "root": root,
        "static": f"{root}/-/static/{static_files.version()}",
        "scripts": SCRIPTS,
        "theme": theme_of(request),
        "version": entrepot.__version__,
        "visitor": caller,
        "is_admin_of_hub": state.get("sees_all", False),
        "csrf": csrf_token(state.get("session")),
        "here": _here(request, root),
        "unread": _capped(state.get("unread", 0)),
        "request_id": state["request_id"],
        "endpoint": endpoint_of(request),
        "now_ms": hub.now_ms(),
        "section": "",
        "api": "",
        "done": DONE.get(request.query_params.get("done", ""), "") if caller else "",
    }


def _capped(unread: int) -> str:
    if unread >= notification_lists.MAX_COUNTED:
        return f"{notification_lists.MAX_COUNTED - 1}+"
    return str(unread) if unread else ""


def theme_of(request: Request) -> str:
    """Return the theme that the visitor has chosen: light or dark; empty: that of the system."""
    chosen = find_cookie(request.scope, THEME_COOKIE)
    return chosen if chosen in THEMES else ""


def _here(request: Request, root: str) -> str:
    """Return the address to return to after signing in: that of the page, or of the page that sent a form.

    It is the first page for those of signing in and of the first account, and for very long addresses.
    """
    if request.method in ("GET", "HEAD"):
        path, query = root + request.scope["path"], request.scope["query_string"].decode("latin-1")
    else:
        came_from = urlsplit(request.headers.get("referer", ""))
        path, query = came_from.path or f"{root}/", came_from.query
    here = path + (f"?{query}" if query else "")
    own = path.removeprefix(root)
    has_no_page = own in ("/login", "/logout", "/-/setup") or own.startswith("/login/")
    return f"{root}/" if has_no_page or len(here) > _MAX_HERE else here


def endpoint_of(request: Request) -> str:
    """Return the URL of the hub for clients; empty if the request names an unknown host."""
    try:
        return base_url(request)
    except Malformed:
        return ""


def passkey_site(request: Request) -> PasskeySite | None:
    """Return the site that passkeys belong to; None if there can be none under this address, or on this hub."""
    return find_site(endpoint_of(request))
