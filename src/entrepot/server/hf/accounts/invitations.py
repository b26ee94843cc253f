"""Invitations into organisations: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import invitations
from entrepot.hub.accounts.invitations import InvitationDetails
from entrepot.server.handlers import call_hub, json_response, read_json
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.orgs import InvitationInfo, NewInvitation
from entrepot.wire.times import format_ms

_SENT = "/api/organizations/{account}/invitations"
_RECEIVED = "/api/settings/invitations"


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route(_SENT, list_sent),
        Route(_SENT, invite, methods=["POST"]),
        Route(f"{_SENT}/{{invitation}}", cancel, methods=["DELETE"]),
        Route(_RECEIVED, list_received),
        Route(f"{_RECEIVED}/{{invitation}}/accept", accept, methods=["POST"]),
        Route(f"{_RECEIVED}/{{invitation}}/decline", decline, methods=["POST"]),
    ]


async def list_sent(request: Request) -> Response:
    """Serve a page of the pending invitations of an organisation, for its administrators."""
    page = await call_hub(request, invitations.of_org, _account(request), after=_after(request))
    return json_response([render(item) for item in page.items], headers=link_to(request, page.after))


async def invite(request: Request) -> Response:
    """Offer a user a role in an organisation."""
    body = await read_json(request, NewInvitation)
    return json_response(render(await call_hub(request, invitations.invite, _account(request), body.user, body.role)))


async def cancel(request: Request) -> Response:
    """Withdraw an invitation."""
    await call_hub(request, invitations.cancel, _account(request), _uid(request))
    return json_response({})


async def list_received(request: Request) -> Response:
    """Serve a page of the caller's pending invitations."""
    page = await call_hub(request, invitations.list_own, after=_after(request))
    return json_response([render(item) for item in page.items], headers=link_to(request, page.after))


async def accept(request: Request) -> Response:
    """Accept an invitation."""
    return json_response(render(await call_hub(request, invitations.accept, _uid(request))))


async def decline(request: Request) -> Response:
    """Decline an invitation."""
    await call_hub(request, invitations.decline, _uid(request))
    return json_response({})


def render(offer: InvitationDetails) -> InvitationInfo:
    """Return the JSON value of an invitation."""
    return InvitationInfo(
        id=offer.invitation.uid,
        org=offer.org.name,
        user=offer.user.name,
        role=offer.invitation.role,
        invited_by=offer.inviter.name,
        created_at=format_ms(offer.invitation.created_ms),
        expires_at=format_ms(offer.invitation.expires_ms),
    )


def _after(request: Request) -> int:
    position = after_of(request)
    return 0 if position is None else position[1]


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])


def _uid(request: Request) -> str:
    return decode_segment(request.path_params["invitation"])
