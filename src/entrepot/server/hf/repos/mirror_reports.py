"""Mirrors for git clients, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.jobs import mirror_overviews
from entrepot.hub.jobs.mirror_overviews import MirrorReport
from entrepot.names import RepoRef, parse_any_type, parse_repo_id
from entrepot.server.handlers import call_hub, call_hub_slow, json_response
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.restrictions import MirrorInfo
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/mirrors", list_mirrors),
        Route("/api/admin/repos/{kind}/{namespace}/{name}/repack", request_repack, methods=["POST"]),
    ]


async def list_mirrors(request: Request) -> Response:
    """Serve the mirrors on this server that were used last."""
    found = await call_hub_slow(request, mirror_overviews.list_mirrors)
    return json_response([render(report) for report in found])


async def request_repack(request: Request) -> Response:
    """Repack the mirror of a repository soon."""
    word, namespace, name = (decode_segment(request.path_params[key]) for key in ("kind", "namespace", "name"))
    ref = RepoRef(parse_any_type(word), parse_repo_id(f"{namespace}/{name}"))
    await call_hub(request, mirror_overviews.request_repack, ref)
    return json_response({})


def render(report: MirrorReport) -> MirrorInfo:
    """Return the JSON value of a mirror."""
    facts = report.facts
    return MirrorInfo(
        repo=str(report.repo.ref.id),
        type=report.repo.type.value,
        private=report.repo.is_private,
        size=facts.size,
        packs=facts.packs,
        whole=facts.is_sound,
        slow=facts.is_slow,
        used_at=format_ms(facts.used_ms),
        checked_at=format_ms(facts.checked_ms) if facts.checked_ms else None,
        waiting=report.is_waiting,
        error=report.error or None,
    )
