"""Staged changes. Source: docs/staged-changes.md, section 3."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import staged_changes
from entrepot.hub.repos.staged_changes import ADD, CLEAR, StagedRow
from entrepot.names import RepoRef
from entrepot.server.handlers import (
    call_hub,
    call_hub_slow,
    json_response,
    next_link,
    query_flag,
    query_int,
)
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.commit_body import read_changes
from entrepot.server.hf.repos.commits import content_of, spool
from entrepot.wire.repos.staged import StagedChange, StagedReset, StagedTotal
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

PAGE = 1_000
_LAST_ID = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of staged changes, for all types of repositories."""
    return [
        *repo_routes("GET", "staged/{tail:path}", list_changes),
        *repo_routes("POST", "staged/{tail:path}", stage),
        *repo_routes("DELETE", "staged/{tail:path}", reset),
    ]


async def list_changes(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET staged/{branch}``: a page of the caller's staged changes; with ``all``, of everyone's."""
    limit = query_int(request, "limit", PAGE, low=1, high=PAGE)
    after = query_int(request, "cursor", 0, low=0, high=_LAST_ID)
    of_all = query_flag(request, "all")
    page = await call_hub(
        request, staged_changes.list_page, ref, tail_of(request), of_all=of_all, after=after, limit=limit
    )
    headers = {"Link": next_link(request, {"cursor": str(page.after)})} if page.after is not None else None
    return json_response([_change(row) for row in page.rows], headers=headers)


async def stage(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST staged/{branch}``: stage the changes that the lines of the body describe."""
    branch = tail_of(request)
    # Before a body of gigabytes is received.
    await call_hub(request, staged_changes.check_target, ref, branch)
    with await spool(request) as spooled:

        def record(hub: HubContext, caller: MaybeCaller) -> int:
            operations, size = read_changes(spooled.lines()), content_of(spooled.size)
            return staged_changes.stage(hub, caller, ref, branch, operations, inline_bytes=size)

        return json_response(StagedTotal(staged=await call_hub_slow(request, record)))


async def reset(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE staged/{branch}``: drop the caller's staged changes; with ``all``, everyone's."""
    of_all = query_flag(request, "all")
    dropped = await call_hub(request, staged_changes.reset, ref, tail_of(request), of_all=of_all)
    return json_response(StagedReset(dropped=dropped))


def _change(row: StagedRow) -> StagedChange:
    return StagedChange(
        path=f"{legible(row.path)}/" if row.op == CLEAR else legible(row.path),
        op="add" if row.op == ADD else "delete",
        size=row.size,
        user=row.user,
        staged_at=format_ms(row.staged_ms),
        oid=row.oid or UNSET,
        sha256=row.sha256 or UNSET,
    )
