"""Sessions of browsers: the cookie, the caller behind it, and the check of where a form comes from.

A cookie counts only where a handler says so (``takes_session`` in the state of
the request): on pages, and on downloads that a page of this hub requests. The
API ignores cookies, so no other site can use the session of a visitor there.
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request
from starlette.types import Scope

from entrepot.errors import NotAllowed, SecondFactorMissing
from entrepot.hub.accounts import sessions
from entrepot.hub.callers import SESSION_MS, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import public_urls

SECURE_COOKIE, PLAIN_COOKIE = "__Host-entrepot", "entrepot_session"
"""Names of the cookie: over https, where no other host can set it, and over http."""

_OWN_SITE = frozenset({"same-origin", "none"})

_OF_FORMS = frozenset({"", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"})
"""Types of the bodies that a page may send to any host; empty: the page has named none."""


def caller_of(scope: Scope, hub: HubContext) -> MaybeCaller:
    """Return the caller of the session of a request; None if the route takes no session, or there is none.

    Raises:
        SecondFactorMissing: the hub requires a second factor, the account has none, and the route is not one of
            those that set one up (``sets_up_factor`` in the state of the request).
    """
    if not scope["state"].get("takes_session"):
        return None
    secret = secret_of(scope, hub)
    if secret is None:
        return None
    caller = sessions.identify(hub, secret)
    if caller is not None:
        if not scope["state"].get("sets_up_factor") and sessions.is_restricted(hub, caller):
            raise SecondFactorMissing
        scope["state"]["session"] = secret
    return caller


def secret_of(scope: Scope, hub: HubContext) -> str | None:
    """Return the secret in the cookie of a request, valid or not; None if there is no cookie."""
    return find_cookie(scope, cookie_name(is_https(scope, hub))) or None


def find_cookie(scope: Scope, name: str) -> str:
    """Return the value of a cookie of a request as the browser sent it, the last one if several; empty if none.

    Cookies of this hub are never quoted, and Python's reader takes minutes for a long quoted one.
    """
    wanted, found = name.encode(), b""
    for header, value in scope["headers"]:
        if header == b"cookie" and wanted in value:
            pairs = (part.partition(b"=") for part in value.split(b";"))
            found = next((text.strip() for key, _, text in reversed([*pairs]) if key.strip() == wanted), found)
    return found.decode("latin-1")


def is_https(scope: Scope, hub: HubContext) -> bool:
    """Return whether the browser sees the hub over https."""
    return public_urls.scheme(scope, hub.settings) == "https"


def cookie_name(is_secure: bool) -> str:
    """Return the name of the cookie."""
    return SECURE_COOKIE if is_secure else PLAIN_COOKIE


def cookie_header(scope: Scope, hub: HubContext, secret: str | None) -> str:
    """Return the ``Set-Cookie`` value that stores a session in the browser, or (None) deletes it."""
    is_secure = is_https(scope, hub)
    life = SESSION_MS // 1000 if secret is not None else 0
    parts = [f"{cookie_name(is_secure)}={secret or ''}", "Path=/", f"Max-Age={life}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, *(["Secure"] if is_secure else [])])


def csrf_token(secret: str | None) -> str:
    """Return the token that forms of a session carry; empty if there is no session."""
    return hashlib.sha256(f"form:{secret}".encode()).hexdigest() if secret else ""


def check_origin(request: Request, hub: HubContext) -> None:
    """Raise unless a form was sent by a page of this hub; call this before any field is read.

    Browsers say where a form comes from: ``Sec-Fetch-Site``, and older ones ``Origin``.

    Raises:
        NotAllowed: it comes from elsewhere, or the client does not say.
        Malformed: the host of the request is unknown.
    """
    site = request.headers.get("sec-fetch-site")
    if not (site == "same-origin" if site is not None else _names_own_origin(request, hub)):
        raise NotAllowed("This form was not sent by a page of this hub; open the page here and send it again")


def check_basic(request: Request, hub: HubContext) -> None:
    """Raise if a page of another site may have sent a request with credentials of the scheme Basic.

    Browsers keep these after a visitor has entered them once, and add them to forms of every site. They add none to a
    request for which they have to ask the hub first (CORS), as for any other method or type of body: there, the page
    itself has sent them.
    Source: Fetch Standard, section 2.2.2 (safelisted request headers) and section 4.8 (preflight).

    Raises:
        NotAllowed: another site may have sent the request.
        Malformed: the host of the request is unknown.
    """
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind not in _OF_FORMS:
        return
    site = headers.get("sec-fetch-site")
    is_own = site in _OWN_SITE if site is not None else "origin" not in headers or _names_own_origin(request, hub)
    if not is_own:
        raise NotAllowed("A page of another site has sent this with credentials that the browser keeps for this hub")


def _names_own_origin(request: Request, hub: HubContext) -> bool:
    """Return whether the header ``Origin`` names this hub."""
    origin, own = request.headers.get("origin"), public_urls.base_url(request.scope, hub.settings)
    return origin is not None and origin.lower() == "/".join(own.lower().split("/")[:3])


def check_form_token(request: Request, hub: HubContext, given: str) -> None:
    """Raise unless a form carries the token of the session in its cookie.

    Raises:
        NotAllowed: it does not.
    """
    secret = secret_of(request.scope, hub)
    if secret is None or not hmac.compare_digest(given.encode(), csrf_token(secret).encode()):
        raise NotAllowed("This form belongs to another session; reload the page and send it again")


def is_own_request(request: Request) -> bool:
    """Return whether a browser says that a page of this hub, or its user, makes a request."""
    return request.headers.get("sec-fetch-site") in _OWN_SITE
