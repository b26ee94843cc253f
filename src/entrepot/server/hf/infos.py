"""One repository described, at a revision.

Source: hf_api, section 1A.3.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub import infos
from entrepot.names import RepoRef, RepoType
from entrepot.server.doors import ask, flag, json_answer, left_out_header, repo_of
from entrepot.server.hf.descriptions import read_expand, render_infos, usual_properties
from entrepot.server.hf.kinds import each_kind
from entrepot.server.hf.mounts import repo_routes, tail_of
from entrepot.wire.repos import SecurityStatus


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        *repo_routes("GET", "revision/{tail:path}", describe_revision),
        *each_kind("/api/{T}/{namespace}/{name}", describe),
    ]


async def describe(request: Request, kind: RepoType) -> Response:
    """GET: a repository at the head of main."""
    return await _describe(request, repo_of(request, kind), "main")


async def describe_revision(request: Request, ref: RepoRef) -> Response:
    """GET: a repository at a branch, tag, ref or commit."""
    return await _describe(request, ref, tail_of(request))


async def _describe(request: Request, ref: RepoRef, revision: str) -> Response:
    properties = read_expand(request, ref.type) or usual_properties(ref.type)
    with_files = "siblings" in properties
    with_sizes = with_files and flag(request, "blobs")
    full = await ask(request, infos.describe, ref, revision, with_files=with_files, with_sizes=with_sizes)
    [info] = render_infos([full], properties)
    if flag(request, "securityStatus"):
        info.security_repo_status = SecurityStatus()
    return json_answer(info, headers=left_out_header(full.left_out))
