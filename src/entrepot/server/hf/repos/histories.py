"""Histories: pages of commits, diffs and squashing. Source: docs/protocols/hf_api.md, sections 1A.4 and 1A.5."""

from __future__ import annotations

import html
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import histories
from entrepot.hub.repos.histories import CommitPage
from entrepot.names import RepoRef
from entrepot.server.handlers import (
    call_hub,
    call_hub_slow,
    json_response,
    next_link,
    query_flag,
    query_int,
    query_list,
    read_json,
)
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.repos.histories import FormattedMessage, LogAuthor, LogEntry, SquashRequest, SquashResponse
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

PAGE = 50
MAX_PAGE = 1_000
_LAST_PAGE = 10**9


def routes() -> list[BaseRoute]:
    """Return the routes of histories, for all types of repositories."""
    return [
        *repo_routes("GET", "commits/{tail:path}", list_commits),
        *repo_routes("GET", "compare/{tail:path}", compare),
        *repo_routes("POST", "super-squash/{tail:path}", squash),
    ]


async def list_commits(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET commits/{revision}``: a page of a history, newest first."""
    page = query_int(request, "p", 0, low=0, high=_LAST_PAGE)
    limit = query_int(request, "limit", PAGE, low=1, high=MAX_PAGE)
    found = await call_hub(request, histories.history, ref, tail_of(request), offset=page * limit, limit=limit)
    headers = {"X-Total-Count": str(found.total)}
    if (page + 1) * limit < found.total:
        headers["Link"] = next_link(request, {"p": str(page + 1)})
    return json_response(_entries(found, query_list(request, "expand")), headers=headers)


async def compare(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET compare/{a}..{b}``: a diff as text with ``raw``, else as a JSON string."""
    text = legible(await call_hub_slow(request, histories.compare, ref, tail_of(request)))
    return PlainTextResponse(text) if query_flag(request, "raw") else json_response(text)


async def squash(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST super-squash/{branch}``: replace a history by one commit."""
    branch, body = tail_of(request), await read_json(request, SquashRequest)
    commit = await call_hub(request, histories.squash, ref, branch, body.message or "")
    return json_response(SquashResponse(commit_id=commit))


def _entries(found: CommitPage, expand: Collection[str]) -> list[LogEntry]:
    entries = []
    is_formatted, has_parents = "formatted" in expand, "parents" in expand
    for logged in found.commits:
        commit = logged.commit
        title, message = commit.title, commit.body
        formatted = FormattedMessage(title=html.escape(title), message=html.escape(message)) if is_formatted else None
        entries.append(
            LogEntry(
                id=logged.oid,
                title=title,
                message=message,
                authors=[LogAuthor(user=commit.author.name)],
                date=format_ms(commit.committer.time_s * 1000),
                formatted=formatted,
                parents=list(commit.parents) if has_parents else None,
            )
        )
    return entries
