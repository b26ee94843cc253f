"""Likes. Source: docs/protocols/hf_api.md, section 1B.2."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.community import likes
from entrepot.hub.community.likes import Like
from entrepot.names import RepoRef
from entrepot.server.handlers import call_hub, json_response, query_int
from entrepot.server.hf.accounts.people import avatar_urls, render_people
from entrepot.server.hf.files.buckets import bucket_route
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.raw_path import decode_segment
from entrepot.wire.community.likes import LikedRepo, LikeInfo
from entrepot.wire.times import format_ms

_PAGE = 1000


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        *repo_routes("POST", "like", like),
        *repo_routes("DELETE", "like", unlike),
        *repo_routes("GET", "likers", list_likers),
        bucket_route("POST", "/like", like),
        bucket_route("DELETE", "/like", unlike),
        bucket_route("GET", "/likers", list_likers),
        Route("/api/users/{account}/likes", list_likes),
    ]


async def like(request: Request, ref: RepoRef) -> Response:
    """Like a repository."""
    await call_hub(request, likes.like, ref)
    return PlainTextResponse("OK")


async def unlike(request: Request, ref: RepoRef) -> Response:
    """Withdraw a like."""
    await call_hub(request, likes.unlike, ref)
    return PlainTextResponse("OK")


async def list_likers(request: Request, ref: RepoRef) -> Response:
    """Serve the users who like a repository, most recent like first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_PAGE)
    page = await call_hub(request, likes.likers, ref, after=after_of(request), limit=limit)
    people = render_people(page.items, avatar_urls(request))
    return json_response(people, headers=link_to(request, page.after))


async def list_likes(request: Request) -> Response:
    """Serve the public repositories that a user likes, most recent like first."""
    user, limit = decode_segment(request.path_params["account"]), query_int(request, "limit", _PAGE, low=1, high=_PAGE)
    page = await call_hub(request, likes.liked_by, user, after=after_of(request), limit=limit)
    return json_response([render(item) for item in page.items], headers=link_to(request, page.after))


def render(item: Like) -> LikeInfo:
    """Return a like as an entry of a list."""
    return LikeInfo(
        created_at=format_ms(item.liked_ms), repo=LikedRepo(name=str(item.repo.id), type=item.repo.type.value)
    )
