"""Branches and tags. Source: docs/protocols/hf_api.md, sections 1A.4 and 1A.5."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import branches
from entrepot.hub.repos.branches import RefHead
from entrepot.names import RepoRef, short_name
from entrepot.server.handlers import call_hub, json_response, query_flag, read_json
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.repos.refs import NewBranch, NewTag, Ref, Refs
from entrepot.wire.texts import legible


def routes() -> list[BaseRoute]:
    """Return the routes of refs, for all types of repositories."""
    return [
        *repo_routes("GET", "refs", list_refs),
        *repo_routes("POST", "branch/{tail:path}", create_branch),
        *repo_routes("DELETE", "branch/{tail:path}", delete_branch),
        *repo_routes("POST", "tag/{tail:path}", create_tag),
        *repo_routes("DELETE", "tag/{tail:path}", delete_tag),
    ]


async def list_refs(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET refs``: all branches and tags; with ``include_prs``, also pull requests."""
    found = await call_hub(request, branches.list_refs, ref)
    pulls = _below(found, "refs/pr/") if query_flag(request, "include_prs") else None
    return json_response(
        Refs(
            branches=_below(found, "refs/heads/"),
            converts=_below(found, "refs/convert/"),
            tags=_below(found, "refs/tags/"),
            pull_requests=pulls,
        )
    )


async def create_branch(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST branch/{name}``: create a branch; the body may be empty."""
    name, new = tail_of(request), await read_json(request, NewBranch)
    await call_hub(
        request,
        branches.create_branch,
        ref,
        name,
        start=new.starting_point,
        is_empty=bool(new.empty_branch),
        overwrites=bool(new.overwrite),
    )
    return PlainTextResponse("OK")


async def delete_branch(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE branch/{name}``."""
    await call_hub(request, branches.delete_branch, ref, tail_of(request))
    return PlainTextResponse("OK")


async def create_tag(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST tag/{revision}``: tag the commit named by a revision."""
    revision, new = tail_of(request), await read_json(request, NewTag)
    await call_hub(request, branches.create_tag, ref, revision, new.tag, new.message)
    return PlainTextResponse("OK")


async def delete_tag(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE tag/{name}``."""
    await call_hub(request, branches.delete_tag, ref, tail_of(request))
    return PlainTextResponse("OK")


def _below(found: Sequence[RefHead], prefix: str) -> list[Ref]:
    return [
        Ref(name=legible(short_name(item.ref)), ref=legible(item.ref), target_commit=item.commit)
        for item in found
        if item.ref.startswith(prefix)
    ]
