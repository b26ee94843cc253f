"""Settings of an account: its tokens."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub import scopes
from entrepot.hub.accounts import confirmations, tokens
from entrepot.hub.accounts.tokens import KnownToken, TokenDraft
from entrepot.hub.callers import FINE_GRAINED, Caller, MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.scopes import RequestedScope
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.hf.accounts.tokens import position_after, position_of
from entrepot.server.pages.editing import upload_tokens
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.sections import own_page
from entrepot.server.pages.settings.token_words import ON_ACCOUNTS, ON_REPOS, ROLES, describe_token

LIFETIMES: Mapping[str, str] = {"90": "in 90 days", "30": "in 30 days", "365": "in a year", "never": "never"}
"""How long a token may live, in days; the first one is proposed."""

SHOWN = 100
"""Tokens on a page."""

_DAY_MS = 86_400_000
_KINDS = {"datasets/": "dataset", "spaces/": "space", "models/": "model"}


@attrs.frozen
class ShownToken:
    """A token in the list. ``expiry_ms``: None for never."""

    uid: str
    name: str
    lines: list[str]
    used_ms: int | None
    expiry_ms: int | None
    is_expired: bool


@attrs.frozen
class NewSecret:
    """A secret that is shown this once, and what it allows."""

    token: ShownToken
    secret: str = attrs.field(repr=False)


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        PageRoute("/settings/tokens", show),
        PageRoute("/settings/tokens", create, ["POST"]),
        PageRoute("/settings/tokens/renew", renew, ["POST"]),
        PageRoute("/settings/tokens/revoke", revoke, ["POST"]),
    ]


async def show(request: Request) -> Response:
    """Serve the tokens of the account, without secrets."""
    after = position_after(request)
    return await show_page(request, lambda hub, caller: build(hub, caller, FRESH, after=after))


async def create(request: Request) -> Response:
    """Create a token and serve the page with its secret, once."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        confirmations.require_recent_of_admin(hub, caller, secret)
        made, known = tokens.create(hub, caller, read_draft(hub, require_login(caller), form))
        return build(hub, caller, FRESH, NewSecret(_shown(known, hub.now_ms()), made.secret))

    return await answer_form(request, act, build)


async def renew(request: Request) -> Response:
    """Replace the secret of a token and serve the page with the new one, once."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        confirmations.require_recent_of_admin(hub, caller, secret)
        made, known = tokens.rotate(hub, caller, form.text("token"))
        return build(hub, caller, FRESH, NewSecret(_shown(known, hub.now_ms()), made.secret))

    return await answer_form(request, act, build)


async def revoke(request: Request) -> Response:
    """Revoke a token."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        tokens.revoke(hub, caller, form.text("token"))
        return "/settings/tokens?done=revoked"

    return await answer_form(request, act, build)


def build(
    hub: HubContext,
    caller: MaybeCaller,
    form: Form,
    fresh: NewSecret | None = None,
    *,
    after: tuple[int, str] | None = None,
) -> WebPage:
    """Return a page of the caller's tokens.

    Args:
        after: the position of the last token of the previous page.
        fresh: a secret that this request has created.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    now = hub.now_ms()
    listed = tokens.list_own(hub, caller, after=after, limit=SHOWN + 1)
    found = listed[:SHOWN]
    values = {
        "form": form,
        "found": [_shown(known, now) for known in found if known.token.name != upload_tokens.NAME],
        "uploads": [_shown(known, now) for known in found if known.token.name == upload_tokens.NAME],
        "after": after is not None,
        "more": position_of(found[-1]) if len(listed) > SHOWN else "",
        "fresh": fresh,
        "lifetimes": LIFETIMES,
        "roles": ROLES,
        "fine_grained": FINE_GRAINED,
        "on_repos": ON_REPOS,
        "on_accounts": ON_ACCOUNTS,
        "everywhere": scopes.DISCUSS,
    }
    return own_page("tokens", values)


def read_draft(hub: HubContext, owner: Caller, form: Form) -> TokenDraft:
    """Return the token that a form describes.

    Raises:
        Malformed: a field has no meaning.
    """
    name, role, days = form.text("name").strip() or None, form.text("role"), form.text("days")
    if days not in LIFETIMES:
        raise Malformed("expiry", f"expected {', '.join(LIFETIMES)}")
    expires_ms = None if days == "never" else hub.now_ms() + int(days) * _DAY_MS
    if role != FINE_GRAINED:
        return TokenDraft(role, name, expires_ms)
    places = [_place(owner, line.strip(), form) for line in form.text("places").split("\n") if line.strip()]
    everywhere = [scopes.DISCUSS] if form.has("everywhere") else []
    if not (places or everywhere or form.has("gated")):
        raise Malformed("token", "name at least one repository or account, or choose a permission for everywhere")
    return TokenDraft(role, name, expires_ms, places, everywhere, form.has("gated"))


def _place(owner: Caller, name: str, form: Form) -> RequestedScope:
    """Return the target that a line names, with the permissions that are chosen for all of its kind.

    Raises:
        Malformed: none is chosen.
    """
    prefix = next((prefix for prefix in _KINDS if name.startswith(prefix)), "")
    short = name.removeprefix(prefix)
    words = [word for word in ON_REPOS if word in form.all("allow")]
    if "/" in short:
        kind = _KINDS.get(prefix, "model")
    elif "." in short:
        kind = "folder"
    else:
        kind = "user" if short.lower() == owner.account.name.lower() else "org"
        words += [word for word in ON_ACCOUNTS if word in form.all("allow")]
    if not words:
        raise Malformed("token", f"choose what it may do in {name}")
    return RequestedScope(kind, short, words)


def _shown(known: KnownToken, now_ms: int) -> ShownToken:
    token = known.token
    is_expired = token.expires_ms is not None and token.expires_ms <= now_ms
    return ShownToken(token.uid, token.name, describe_token(known), token.used_ms, token.expires_ms, is_expired)
