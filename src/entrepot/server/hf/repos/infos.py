"""Information about one repository at a revision.

Source: docs/protocols/hf_api.md, section 1A.3.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import infos
from entrepot.hub.scanning import results
from entrepot.names import RepoRef, RepoType
from entrepot.server.dispatch.answer_memory import Reusable
from entrepot.server.handlers import (
    app_state,
    call_hub,
    call_hub_in_turn,
    call_hub_on_revision,
    json_response,
    left_out_header,
    query_flag,
    remembering,
    repo_of,
)
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.repo_json import ANNOTATIONS, complete, read_expand, render_infos, usual_properties
from entrepot.server.hf.repos.scan_json import security_status_of
from entrepot.server.hf.type_routes import each_kind
from entrepot.server.threads import line_of
from entrepot.wire.repos.repositories import DayCount, SecurityStatus

_FEW_FILES = 200


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        *repo_routes("GET", "revision/{tail:path}", describe_revision),
        *repo_routes("GET", "scan", describe_scan),
        *repo_routes("GET", "downloads", count_downloads),
        *each_kind("/api/{T}/{namespace}/{name}", describe),
    ]


async def describe(request: Request, kind: RepoType) -> Reusable:
    """Serve a repository at the head of main."""
    return await _describe(request, repo_of(request, kind), "main")


async def describe_revision(request: Request, ref: RepoRef) -> Reusable:
    """Serve a repository at a branch, tag, ref or commit."""
    return await _describe(request, ref, tail_of(request))


async def describe_scan(request: Request, ref: RepoRef) -> Response:
    """Serve the findings of scanners at the head of main, or of ``revision``."""
    revision = request.query_params.get("revision") or "main"
    return json_response(await _security(request, ref, revision))


async def count_downloads(request: Request, ref: RepoRef) -> Response:
    """Serve the downloads of a repository on each of the last 30 days, today at the end."""
    found = await call_hub(request, infos.downloads_by_day, ref)
    return json_response([DayCount(day=item.day, count=item.count) for item in found])


async def _security(request: Request, ref: RepoRef, revision: str) -> SecurityStatus:
    turns = app_state(request).viewers  # every file of the revision is looked at
    return security_status_of(await call_hub_in_turn(request, turns, results.describe_repo, ref, revision))


async def _describe(request: Request, ref: RepoRef, revision: str) -> Reusable:
    async def answer(request: Request) -> Reusable:
        return await _answer(request, ref, revision)

    return await (answer if query_flag(request, "securityStatus") else remembering(answer))(request)


async def _answer(request: Request, ref: RepoRef, revision: str) -> Response:
    properties = read_expand(request, ref.type) or usual_properties(ref.type) | {ANNOTATIONS}
    with_files = "siblings" in properties
    with_sizes = with_files and query_flag(request, "blobs")
    known = app_state(request).file_lists.search() if with_files and not with_sizes else None
    full = await call_hub_on_revision(
        request,
        infos.describe,
        ref,
        revision,
        with_files=with_files,
        with_sizes=with_sizes,
        is_known=None if known is None else known.is_known,
    )
    [full] = await complete(request, [full], properties)
    asks_security = query_flag(request, "securityStatus")
    security = await _security(request, ref, full.info.head or revision) if asks_security else None

    def render() -> Response:
        [info] = render_infos([full], properties)
        left_out = full.left_out if known is None else known.put_into(info, full)
        if security is not None:
            info.security_repo_status = security
        return json_response(info, headers=left_out_header(left_out))

    if len(full.siblings) <= _FEW_FILES:
        return render()
    # Thousands of files would keep the event loop, and with it every other request, for a tenth of a second.
    return await app_state(request).threads.run_short(render, line=line_of(request.scope))
