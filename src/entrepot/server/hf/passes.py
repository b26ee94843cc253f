"""Passes for the chunk store: what a caller shows there instead of the hub's own token.

Source: xet, section 7.1; hf_api, section 2.6.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub import passes
from entrepot.hub.passes import Issued
from entrepot.names import RepoRef
from entrepot.server.doors import ask, base_url, flag, json_answer
from entrepot.server.hf.mounts import repo_routes, tail_of
from entrepot.server.xet.holders import render_pass

_NO_REVISION = "None"  # what a client sends that was given no revision


def routes() -> list[BaseRoute]:
    """The routes of passes, for all types of repositories."""
    return [
        *repo_routes("GET", "xet-read-token/{tail:path}", give_read),
        *repo_routes("GET", "xet-write-token/{tail:path}", give_write),
    ]


async def give_read(request: Request, ref: RepoRef) -> Response:
    """``GET xet-read-token/{revision}``: for whoever may read the repository."""
    revision = tail_of(request)
    named = None if revision == _NO_REVISION else revision
    return _answer(request, await ask(request, passes.issue_read, ref, named))


async def give_write(request: Request, ref: RepoRef) -> Response:
    """``GET xet-write-token/{revision}``: for whoever may write there.

    A branch need not exist: the commit after the upload says what becomes of
    it. With ``create_pr`` the files are for a pull request to come, which
    every reader may open.
    """
    revision = tail_of(request)
    named = None if flag(request, "create_pr") else revision
    return _answer(request, await ask(request, passes.issue_write, ref, named))


def _answer(request: Request, issued: Issued) -> Response:
    given = render_pass(base_url(request), issued)
    return json_answer(given, headers=given.headers() | {"cache-control": "private, no-store"})
