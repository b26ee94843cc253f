"""The owner of a token.

Source: docs/protocols/hf_api.md, section 1A.1.
"""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import KnownToken
from entrepot.hub.callers import FINE_GRAINED, Caller
from entrepot.server.handlers import call_hub_briefly, json_response, remembering
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls
from entrepot.server.hf.accounts.tokens import render_scopes
from entrepot.wire.accounts.accounts import Auth, OwnOrg, TokenInfo, WhoAmI
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/api/whoami-v2", remembering(whoami))]


async def whoami(request: Request) -> Response:
    """Serve the caller, their organisations and their token; 401 for anonymous requests."""
    avatar_url = avatar_urls(request)
    return json_response(render_caller(*await call_hub_briefly(request, tokens.present), avatar_url=avatar_url))


def render_caller(caller: Caller, known: KnownToken, *, avatar_url: AvatarUrl) -> WhoAmI:
    """Return the caller's own view of their account."""
    account = caller.account
    # A job of continuous integration that publishes for someone needs no way to write to them.
    email = None if _is_of_publisher(known) else account.email
    orgs = [
        OwnOrg(id=membership.org.uid, name=membership.org.name, fullname=membership.org.fullname,
               role_in_org=membership.role, avatar_url=avatar_url(membership.org.name))
        for membership in caller.memberships
    ]  # fmt: skip
    return WhoAmI(
        id=account.uid,
        name=account.name,
        fullname=account.fullname,
        email=email,
        email_verified=email is not None,
        avatar_url=avatar_url(account.name),
        orgs=orgs,
        auth=_authentication(known),
    )


def _is_of_publisher(known: KnownToken) -> bool:
    token = known.token
    return token.grant_uid is not None and token.role == FINE_GRAINED


def _authentication(known: KnownToken) -> Auth:
    token = known.token
    if token.grant_uid is not None:
        return Auth(type="oauth", expires_at=UNSET if token.expires_ms is None else format_ms(token.expires_ms))
    return Auth(TokenInfo(token.name, token.role, format_ms(token.created_ms), render_scopes(known) or UNSET))
