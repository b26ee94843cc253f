"""Lookups of revisions. Source: docs/staged-changes.md, section 6."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import lookups
from entrepot.hub.repos.lookups import NamedRevision
from entrepot.names import RepoRef
from entrepot.server.handlers import call_hub, json_response
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.repos import lookups as wire
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the route of lookups, for all types of repositories."""
    return repo_routes("GET", "lookup/{tail:path}", find)


async def find(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET lookup/{text}``: the branch, tag or commit that a text names."""
    found = await call_hub(request, lookups.find, ref, tail_of(request))
    commit = found.logged.commit
    return json_response(
        wire.FoundRevision(
            kind=_kind(found),
            name=None if found.name is None else legible(found.name),
            ref=None if found.ref is None else legible(found.ref),
            commit=wire.FoundCommit(
                id=found.logged.oid,
                title=commit.title,
                message=commit.body,
                author=commit.author.name,
                date=format_ms(commit.committer.time_s * 1000),
                parents=commit.parents,
            ),
        )
    )


def _kind(found: NamedRevision) -> Literal["branch", "tag", "commit"]:
    if found.ref is None:
        return "commit"
    return "tag" if found.ref.startswith("refs/tags/") else "branch"
