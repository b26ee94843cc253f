"""Following users and organisations. Source: docs/protocols/hf_api.md, section 1C (the lists)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import follows
from entrepot.hub.accounts.follows import Account
from entrepot.hub.pages import Page
from entrepot.server.handlers import call_hub, json_response, query_int
from entrepot.server.hf.accounts.people import avatar_urls, render_people
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.raw_path import decode_segment

_PAGE = 500


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/users/{account}/follow", follow, methods=["POST"]),
        Route("/api/users/{account}/follow", unfollow, methods=["DELETE"]),
        Route("/api/users/{account}/followers", list_followers),
        Route("/api/users/{account}/following", list_following),
        Route("/api/organizations/{account}/follow", follow, methods=["POST"]),
        Route("/api/organizations/{account}/follow", unfollow, methods=["DELETE"]),
        Route("/api/organizations/{account}/followers", list_followers),
    ]


async def follow(request: Request) -> Response:
    """Follow a user or an organisation."""
    await call_hub(request, follows.follow, _account(request), is_user=_is_user(request))
    return PlainTextResponse("OK")


async def unfollow(request: Request) -> Response:
    """Stop following a user or an organisation."""
    await call_hub(request, follows.unfollow, _account(request), is_user=_is_user(request))
    return PlainTextResponse("OK")


async def list_followers(request: Request) -> Response:
    """Serve the users who follow a user or an organisation, newest first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_PAGE)
    is_user = _is_user(request)
    page = await call_hub(
        request, follows.followers, _account(request), is_user=is_user, after=after_of(request), limit=limit
    )
    return _people(request, page)


async def list_following(request: Request) -> Response:
    """Serve the users whom a user follows, newest first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_PAGE)
    return _people(
        request, await call_hub(request, follows.following, _account(request), after=after_of(request), limit=limit)
    )


def _people(request: Request, page: Page[Account]) -> Response:
    people = render_people(page.items, avatar_urls(request))
    return json_response(people, headers=link_to(request, page.after))


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])


def _is_user(request: Request) -> bool:
    path: str = request.scope["path"]
    return path.startswith("/api/users/")
