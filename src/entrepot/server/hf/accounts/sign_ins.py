"""How and where the caller signs in: security and sessions below ``/api/settings``, specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import own_factors, own_sessions, passkeys
from entrepot.hub.accounts.sessions import MAX_SESSIONS
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server.handlers import call_hub, json_response
from entrepot.wire.accounts.sign_ins import BrowserSession, OwnPasskey, SignInSecurity
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/settings/security", show_security),
        Route("/api/settings/sessions", list_sessions),
    ]


async def show_security(request: Request) -> Response:
    """Serve whether two-step sign-in is on, and the passkeys, without secrets."""
    return json_response(await call_hub(request, _read_security))


async def list_sessions(request: Request) -> Response:
    """Serve all sessions of the caller's browsers, last used first, without secrets."""
    found = await call_hub(request, own_sessions.list_own, None, size=MAX_SESSIONS)
    sessions = [
        BrowserSession(row.uid, format_ms(row.created_ms), format_ms(row.seen_ms), row.means, row.network, row.agent)
        for row in (item.row for item in found.items)
    ]
    return json_response(sessions)


def _read_security(hub: HubContext, caller: MaybeCaller) -> SignInSecurity:
    factor = own_factors.status(hub, caller)
    own = [
        OwnPasskey(
            row.uid, row.name, format_ms(row.created_ms), None if row.used_ms is None else format_ms(row.used_ms)
        )
        for row in passkeys.list_own(hub, caller)
    ]
    since = None if factor.created_ms is None else format_ms(factor.created_ms)
    return SignInSecurity(since, factor.codes_left, own)
