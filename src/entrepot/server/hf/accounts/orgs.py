"""Organisations and their members: routes specific to this hub, except the list of members.

Source: docs/protocols/hf_api.md, section 1C (``GET …/members``).
"""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import members, orgs
from entrepot.hub.accounts.members import MemberPage
from entrepot.hub.accounts.orgs import Account, NewOrg, OrgChanges
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls, render_person
from entrepot.server.hf.pages import link_to_name, name_after
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.accounts import Person
from entrepot.wire.accounts.orgs import NewOrganization, OrgEdits, OrgSettings, RoleChange

_ONE = "/api/organizations/{account}"
_PAGE = 500


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/organizations/create", create, methods=["POST"]),
        Route(_ONE, delete, methods=["DELETE"]),
        Route(f"{_ONE}/settings", show_settings),
        Route(f"{_ONE}/settings", configure, methods=["PUT"]),
        Route(f"{_ONE}/members", list_members),
        Route(f"{_ONE}/members/{{user}}/role", change_role, methods=["PUT"]),
        Route(f"{_ONE}/members/{{user}}", remove_member, methods=["DELETE"]),
    ]


async def create(request: Request) -> Response:
    """Create an organisation with the caller as its administrator."""
    body = await read_json(request, NewOrganization)
    new = NewOrg(body.name, body.fullname, body.default_visibility)
    return json_response(render_settings(await call_hub(request, orgs.create, new)))


async def delete(request: Request) -> Response:
    """Delete an organisation that owns no repositories."""
    await call_hub(request, orgs.delete, _account(request))
    return json_response({})


async def show_settings(request: Request) -> Response:
    """Serve the settings of an organisation, for its members."""
    return json_response(render_settings(await call_hub(request, orgs.settings, _account(request))))


async def configure(request: Request) -> Response:
    """Change settings of an organisation."""
    body = await read_json(request, OrgEdits)
    changes = OrgChanges(body.fullname, body.details, body.default_visibility)
    return json_response(render_settings(await call_hub(request, orgs.configure, _account(request), changes)))


async def list_members(request: Request) -> Response:
    """Serve the members of an organisation by name; members also see the roles."""
    limit, after = query_int(request, "limit", _PAGE, low=1, high=_PAGE), name_after(request)
    page = await call_hub(request, members.list_members, _account(request), after=after, limit=limit)
    return json_response(render_members(page, avatar_urls(request)), headers=link_to_name(request, page.after))


async def change_role(request: Request) -> Response:
    """Give a member another role."""
    body = await read_json(request, RoleChange)
    await call_hub(request, members.change_role, _account(request), _user(request), body.role)
    return json_response({})


async def remove_member(request: Request) -> Response:
    """Remove a member from an organisation, or leave it."""
    await call_hub(request, members.remove, _account(request), _user(request))
    return json_response({})


def render_settings(org: Account) -> OrgSettings:
    """Return an organisation as its members see it."""
    return OrgSettings(
        uid=org.uid,
        name=org.name,
        fullname=org.fullname,
        details=org.details,
        default_visibility=org.default_visibility,
    )


def render_members(page: MemberPage, avatar_url: AvatarUrl) -> list[Person]:
    """Return members in the form of user lists."""
    return [
        render_person(member.user, avatar_url, member.role if page.with_roles else UNSET) for member in page.members
    ]


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])


def _user(request: Request) -> str:
    return decode_segment(request.path_params["user"])
