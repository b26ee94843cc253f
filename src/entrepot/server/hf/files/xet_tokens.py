"""Xet tokens: the short-lived credentials for the chunk store, which does not accept tokens of the hub.

Source: docs/protocols/xet.md, section 7.1; docs/protocols/hf_api.md, section 2.6.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.files import xet_tokens
from entrepot.hub.files.xet_tokens import IssuedXetToken
from entrepot.names import RepoRef
from entrepot.server.handlers import base_url, call_hub, json_response, query_flag
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.xet.auth import render_token

_NO_REVISION = "None"  # sent by clients without a revision


def routes() -> list[BaseRoute]:
    """Return the routes of Xet tokens, for all types of repositories."""
    return [
        *repo_routes("GET", "xet-read-token/{tail:path}", read_token),
        *repo_routes("GET", "xet-write-token/{tail:path}", write_token),
    ]


async def read_token(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET xet-read-token/{revision}``: a read token, for callers who may read the repository."""
    revision = tail_of(request)
    named = None if revision == _NO_REVISION else revision
    return xet_token_response(request, await call_hub(request, xet_tokens.issue_read, ref, named))


async def write_token(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET xet-write-token/{revision}``: a write token, for callers who may write there.

    The branch need not exist; the commit after the upload is checked again.
    With ``create_pr`` the files are for a new pull request, which every reader
    may open.
    """
    revision = tail_of(request)
    named = None if query_flag(request, "create_pr") else revision
    return xet_token_response(request, await call_hub(request, xet_tokens.issue_write, ref, named))


def xet_token_response(request: Request, issued: IssuedXetToken) -> Response:
    """Return the response with a token, in the body and in headers."""
    given = render_token(base_url(request), issued)
    return json_response(given, headers=given.headers() | {"cache-control": "private, no-store"})
