"""Who a token belongs to.

Source: hf_api, section 1A.1.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.callers import Anyone, Caller, require
from entrepot.hub.house import Hub
from entrepot.server.doors import ask, json_answer
from entrepot.wire.accounts import Auth, OwnOrg, TokenFacts, WhoAmI
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [Route("/api/whoami-v2", whoami)]


async def whoami(request: Request) -> Response:
    """GET: the caller, their organisations and their token; 401 for nobody in particular."""
    return json_answer(render_caller(await ask(request, _somebody)))


def render_caller(caller: Caller) -> WhoAmI:
    """A caller as they see themselves."""
    account, token = caller.account, caller.token
    orgs = [
        OwnOrg(id=membership.org.uid, name=membership.org.name, fullname=membership.org.fullname,
               role_in_org=membership.role)
        for membership in caller.memberships
    ]  # fmt: skip
    return WhoAmI(
        id=account.uid,
        name=account.name,
        fullname=account.fullname,
        email=account.email,
        email_verified=account.email is not None,
        orgs=orgs,
        auth=Auth(TokenFacts(token.name, token.role, format_ms(token.created_ms))),
    )


def _somebody(_hub: Hub, caller: Anyone) -> Caller:
    return require(caller)
