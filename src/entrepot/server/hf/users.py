"""Pages of users and organisations, and what their repositories take.

Nobody follows anybody on this hub, so lists of followers are empty.

Source: hf_api, section 1C.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import profiles
from entrepot.hub.infos import FullInfo
from entrepot.hub.profiles import Profile
from entrepot.names import RepoType
from entrepot.server.doors import ask, json_answer
from entrepot.server.segments import decode_segment
from entrepot.wire.accounts import OrgName, OrgOverview, Person, UserOverview
from entrepot.wire.repos import StoredRepo
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        Route("/api/users/{account}/overview", show_user),
        Route("/api/users/{account}/followers", list_no_users),
        Route("/api/users/{account}/following", list_no_users),
        Route("/api/organizations/{account}/overview", show_org),
        Route("/api/organizations/{account}/members", list_members),
        Route("/api/organizations/{account}/followers", list_no_org_followers),
        Route("/api/organizations/{account}/settings/repositories", list_org_storage),
        Route("/api/settings/repositories", list_own_storage),
    ]


async def show_user(request: Request) -> Response:
    """GET: a user; 404 when there is none."""
    return json_answer(render_user(await ask(request, profiles.user, _account(request))))


async def show_org(request: Request) -> Response:
    """GET: an organisation; 404 when there is none."""
    return json_answer(render_org(await ask(request, profiles.org, _account(request))))


async def list_members(request: Request) -> Response:
    """GET: the members of an organisation, by name."""
    org = await ask(request, profiles.org, _account(request))
    people = [Person(uid=member.uid, user=member.name, fullname=member.fullname) for member in org.related]
    return json_answer(people)


async def list_no_users(request: Request) -> Response:
    """GET: the users around a user, who exists."""
    await ask(request, profiles.user, _account(request))
    return json_answer([])


async def list_no_org_followers(request: Request) -> Response:
    """GET: the followers of an organisation, which exists."""
    await ask(request, profiles.org, _account(request))
    return json_answer([])


async def list_own_storage(request: Request) -> Response:
    """GET: the caller's repositories with their sizes."""
    return json_answer(render_storage(await ask(request, profiles.stored, None)))


async def list_org_storage(request: Request) -> Response:
    """GET: the repositories of an organisation of the caller's with their sizes."""
    return json_answer(render_storage(await ask(request, profiles.stored, _account(request))))


def render_user(profile: Profile) -> UserOverview:
    """A user's page."""
    account, counts = profile.account, profile.counts
    return UserOverview(
        uid=account.uid,
        user=account.name,
        fullname=account.fullname,
        num_models=counts.get(RepoType.MODEL, 0),
        num_datasets=counts.get(RepoType.DATASET, 0),
        num_spaces=counts.get(RepoType.SPACE, 0),
        orgs=[OrgName(org.uid, org.name, org.fullname) for org in profile.related],
        created_at=format_ms(account.created_ms),
    )


def render_org(profile: Profile) -> OrgOverview:
    """An organisation's page."""
    account, counts = profile.account, profile.counts
    return OrgOverview(
        uid=account.uid,
        name=account.name,
        fullname=account.fullname,
        num_users=len(profile.related),
        num_models=counts.get(RepoType.MODEL, 0),
        num_datasets=counts.get(RepoType.DATASET, 0),
        num_spaces=counts.get(RepoType.SPACE, 0),
    )


def render_storage(found: Sequence[FullInfo]) -> list[StoredRepo]:
    """Repositories with their bytes, and the share of each in those of all."""
    total = sum(full.used_bytes for full in found) or 1
    return [
        StoredRepo(
            id=str(full.info.row.ref.id),
            type=full.info.row.type.value,
            updated_at=format_ms(full.info.row.updated_ms),
            visibility=full.info.row.visibility,
            storage=full.used_bytes,
            storage_percent=round(100 * full.used_bytes / total, 2),
        )
        for full in found
    ]


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])
