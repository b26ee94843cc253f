"""Overviews of users and organisations, and the storage used by their repositories.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.search import profiles
from entrepot.hub.search.profiles import MAX_ORGS, MAX_STORED, OrgProfile, StoredPage, UserProfile
from entrepot.names import RepoType
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.accounts import activity, avatars
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls, render_orgs
from entrepot.server.hf.pages import after_of, link_to, link_to_name, name_after
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.accounts import OrgOverview, OwnProfile, ProfileEdits, UserOverview
from entrepot.wire.repos.repositories import StoredRepo
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/users/{account}/overview", show_user),
        Route("/api/users/{account}/organizations", list_orgs),
        Route("/api/organizations/{account}/overview", show_org),
        Route("/api/organizations/{account}/settings/repositories", list_org_storage),
        Route("/api/settings/repositories", list_own_storage),
        Route("/api/settings/profile", introduce, methods=["PUT"]),
        *activity.routes(),
        *avatars.api_routes(),
    ]


async def show_user(request: Request) -> Response:
    """Serve a user; 404 if not found."""
    found = await call_hub(request, profiles.user, _account(request))
    return json_response(render_user(found, avatar_urls(request)))


async def list_orgs(request: Request) -> Response:
    """Serve a page of the organisations of a user, by name."""
    limit, after = query_int(request, "limit", MAX_ORGS, low=1, high=MAX_ORGS), name_after(request)
    page = await call_hub(request, profiles.list_orgs, _account(request), after=after, limit=limit)
    return json_response(render_orgs(page.items, avatar_urls(request)), headers=link_to_name(request, page.after))


async def show_org(request: Request) -> Response:
    """Serve an organisation; 404 if not found."""
    found = await call_hub(request, profiles.org, _account(request))
    return json_response(render_org(found, avatars.url_of(request, found.account.name)))


async def list_own_storage(request: Request) -> Response:
    """Serve a page of the caller's repositories with their sizes, newest change first."""
    return await _list_storage(request, None)


async def list_org_storage(request: Request) -> Response:
    """Serve a page of the repositories of one of the caller's organisations with their sizes."""
    return await _list_storage(request, _account(request))


async def introduce(request: Request) -> Response:
    """Change the profile of the caller."""
    body = await read_json(request, ProfileEdits)
    account = await call_hub(request, profiles.change_profile, fullname=body.fullname, details=body.details)
    return json_response(OwnProfile(user=account.name, fullname=account.fullname, details=account.details))


def render_user(profile: UserProfile, avatar_url: AvatarUrl) -> UserOverview:
    """Return the overview of a user."""
    account, counts = profile.account, profile.counts
    return UserOverview(
        uid=account.uid,
        user=account.name,
        fullname=account.fullname,
        avatar_url=avatar_url(account.name),
        num_models=counts.get(RepoType.MODEL, 0),
        num_datasets=counts.get(RepoType.DATASET, 0),
        num_spaces=counts.get(RepoType.SPACE, 0),
        num_discussions=profile.discussions,
        num_upvotes=profile.upvotes,
        num_likes=profile.likes,
        num_following=profile.following,
        num_followers=profile.followers,
        is_following=profile.is_followed,
        details=account.details or UNSET,
        orgs=render_orgs(profile.orgs, avatar_url),
        created_at=format_ms(account.created_ms),
    )


def render_org(profile: OrgProfile, avatar_url: str) -> OrgOverview:
    """Return the overview of an organisation; ``avatar_url`` is that of the picture."""
    account, counts = profile.account, profile.counts
    return OrgOverview(
        uid=account.uid,
        name=account.name,
        fullname=account.fullname,
        avatar_url=avatar_url,
        num_users=profile.members,
        num_models=counts.get(RepoType.MODEL, 0),
        num_datasets=counts.get(RepoType.DATASET, 0),
        num_spaces=counts.get(RepoType.SPACE, 0),
        num_followers=profile.followers,
        is_following=profile.is_followed,
        details=account.details or UNSET,
    )


def render_storage(page: StoredPage) -> list[StoredRepo]:
    """Return repositories with their sizes and each one's share of the total."""
    total = page.total or 1
    return [
        StoredRepo(
            id=str(full.info.row.ref.id),
            type=full.info.row.type.value,
            updated_at=format_ms(full.info.row.updated_ms),
            visibility=full.info.row.visibility,
            storage=full.used_bytes,
            storage_percent=round(100 * full.used_bytes / total, 2),
        )
        for full in page.items
    ]


async def _list_storage(request: Request, name: str | None) -> Response:
    limit, after = query_int(request, "limit", MAX_STORED, low=1, high=MAX_STORED), after_of(request)
    page = await call_hub(request, profiles.stored, name, after=after, limit=limit)
    return json_response(render_storage(page), headers=link_to(request, page.after))


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])
