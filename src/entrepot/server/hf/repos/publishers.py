"""Trusted publishers of a repository: routes specific to this hub, see ``docs/oauth.md``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.sso import publishers
from entrepot.hub.sso.publishers import Publisher, PublisherDraft
from entrepot.names import RepoRef
from entrepot.server.handlers import call_hub, json_response, read_json
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.publishers import NewPublisher, PublisherInfo
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        *repo_routes("GET", "trusted-publishers", list_publishers),
        *repo_routes("POST", "trusted-publishers", add_publisher),
        *repo_routes("DELETE", "trusted-publishers/{publisher}", remove_publisher),
    ]


async def list_publishers(request: Request, ref: RepoRef) -> Response:
    """Serve the trusted publishers of a repository, oldest first."""
    return json_response([render_publisher(found) for found in await call_hub(request, publishers.of_repo, ref)])


async def add_publisher(request: Request, ref: RepoRef) -> Response:
    """Let jobs of continuous integration publish with the rights of the caller, in this repository only."""
    body = await read_json(request, NewPublisher)
    draft = PublisherDraft(body.name, body.issuer, body.claims, body.role)
    return json_response(render_publisher(await call_hub(request, publishers.add, ref, draft)))


async def remove_publisher(request: Request, ref: RepoRef) -> Response:
    """Remove a trusted publisher; its access tokens become invalid immediately."""
    await call_hub(request, publishers.remove, ref, decode_segment(request.path_params["publisher"]))
    return json_response({})


def render_publisher(found: Publisher) -> PublisherInfo:
    """Return the JSON of a publisher, for callers who may write to its repository."""
    row = found.row
    return PublisherInfo(
        id=row.uid,
        name=row.name,
        issuer=row.issuer,
        claims=row.claims,
        role=row.role,
        owner=found.owner,
        created_at=format_ms(row.created_ms),
        last_used_at=None if row.used_ms is None else format_ms(row.used_ms),
    )
