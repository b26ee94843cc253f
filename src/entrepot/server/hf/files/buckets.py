"""Buckets themselves: create, describe, list, configure and delete them.

Source: docs/protocols/buckets.md, section 1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import ThingNotFound
from entrepot.hub.buckets import buckets
from entrepot.hub.buckets.buckets import BucketInfo
from entrepot.hub.files import xet_tokens
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, RepoType
from entrepot.server.handlers import base_url, call_hub, json_response, query_int, read_json, repo_of
from entrepot.server.hf.conflicts import absolute_url
from entrepot.server.hf.files.xet_tokens import xet_token_response
from entrepot.server.hf.pages import link_to_name, name_after
from entrepot.server.raw_path import decode_segment
from entrepot.wire.files.buckets import BucketCreation, BucketDescription, BucketSettings
from entrepot.wire.repos.repositories import MadeRepo
from entrepot.wire.times import format_ms

_ME = "me"

BucketHandler = Callable[[Request, RepoRef], Awaitable[Response]]
"""A handler for one bucket."""


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/buckets/{name}", list_buckets, methods=["GET"]),
        Route("/api/buckets/{name}", refuse_short_id, methods=["DELETE"]),
        Route("/api/buckets/{namespace}/{name}", create, methods=["POST"]),
        bucket_route("GET", "", describe),
        bucket_route("DELETE", "", delete),
        bucket_route("PUT", "/settings", configure),
        bucket_route("GET", "/xet-read-token", read_token),
        bucket_route("GET", "/xet-write-token", write_token),
    ]


def bucket_route(method: str, action: str, handler: BucketHandler) -> Route:
    """Return the route of one action on a bucket; ``action`` is empty or begins with ``/``."""

    async def endpoint(request: Request) -> Response:
        return await handler(request, repo_of(request, RepoType.BUCKET))

    return Route(f"/api/buckets/{{namespace}}/{{name}}{action}", endpoint, methods=[method])


async def list_buckets(request: Request) -> Response:
    """Serve a page of the buckets of an account (``me``: the caller) that the caller may see, by name."""
    name = decode_segment(request.path_params["name"])
    query = request.query_params
    limit = query_int(request, "limit", buckets.PAGE, low=1, high=buckets.PAGE)
    found = await call_hub(
        request,
        buckets.list_all,
        None if name == _ME else name,
        part=query.get("search", ""),
        after=name_after(request),
        limit=limit,
    )
    return json_response([_describe(info) for info in found.buckets], headers=link_to_name(request, found.after))


async def refuse_short_id(request: Request) -> NoReturn:
    """Refuse to delete a bucket by an id without a namespace, which no bucket has."""
    raise ThingNotFound("bucket", decode_segment(request.path_params["name"]))


async def create(request: Request) -> Response:
    """Create a bucket; 409 with the ``url`` of the existing one if the name is taken."""
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    body = await read_json(request, BucketCreation)
    # "private": false is what clients send whose users did not choose.
    visibility = body.visibility or ("private" if body.private else None)
    with absolute_url(request):
        row = await call_hub(request, buckets.create, None if namespace == _ME else namespace, name, visibility)
    return json_response(MadeRepo(f"{base_url(request)}/{row.ref.path}", str(row.ref.id), row.uid))


async def describe(request: Request, ref: RepoRef) -> Response:
    """Serve a bucket with its totals."""
    return json_response(_describe(await call_hub(request, buckets.describe, ref)))


async def delete(request: Request, ref: RepoRef) -> Response:
    """Delete a bucket with its files."""
    await call_hub(request, repositories.delete, ref)
    return PlainTextResponse("OK")


async def configure(request: Request, ref: RepoRef) -> Response:
    """Change the visibility of a bucket."""
    body = await read_json(request, BucketSettings)
    chosen = body.visibility
    if chosen is None and body.private is not None:
        chosen = "private" if body.private else "public"
    row = await call_hub(request, repositories.configure, ref, RepoChanges(visibility=chosen))
    return json_response(BucketSettings(private=row.is_private, visibility=row.visibility))


async def read_token(request: Request, ref: RepoRef) -> Response:
    """Serve a token of the chunk store for reading every file of a bucket."""
    return xet_token_response(request, await call_hub(request, xet_tokens.issue_read, ref, None))


async def write_token(request: Request, ref: RepoRef) -> Response:
    """Serve a token of the chunk store for uploading files for a bucket."""
    return xet_token_response(request, await call_hub(request, xet_tokens.issue_write, ref))


def _describe(info: BucketInfo) -> BucketDescription:
    row = info.row
    return BucketDescription(
        uid=row.uid,
        id=str(row.ref.id),
        author=row.namespace,
        private=row.is_private,
        created_at=format_ms(row.created_ms),
        updated_at=format_ms(row.updated_ms),
        size=info.totals.size,
        total_files=info.totals.files,
        likes=row.likes,
    )
