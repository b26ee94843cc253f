"""Results of scans and mirrors of all repositories, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import mirror_overviews
from entrepot.hub.jobs.mirror_overviews import MirrorReport
from entrepot.hub.scanning import scan_reports
from entrepot.hub.scanning.scan_reports import WORST, RepoReport
from entrepot.server.handlers import call_hub, call_hub_slow, json_response, next_link, query_int
from entrepot.server.hf.repos.restrictions import any_ref
from entrepot.wire.repos.restrictions import MirrorInfo, RepoScanReport, ScanFinding
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_PAGE = 100
_NEWEST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/scans", list_reports),
        Route("/api/admin/repos/{type}/{namespace}/{name}/scan", request_scan, methods=["POST"]),
        Route("/api/admin/mirrors", list_mirrors),
        Route("/api/admin/repos/{type}/{namespace}/{name}/repack", request_repack, methods=["POST"]),
    ]


async def list_reports(request: Request) -> Response:
    """Serve the repositories whose worst status is ``status``, the newest repositories first."""
    worst = request.query_params.get("status", WORST[0])
    limit = query_int(request, "limit", _PAGE, low=1, high=_PAGE)
    before = query_int(request, "before", _NEWEST, low=0, high=_NEWEST)

    def run(hub: HubContext, caller: MaybeCaller) -> list[RepoReport]:
        return scan_reports.list_reports(hub, caller, worst, before=before, limit=limit)

    found = await call_hub(request, run)
    headers = {"Link": next_link(request, {"before": str(found[-1].repo.id)})} if len(found) == limit else None
    return json_response([render(report) for report in found], headers=headers)


async def request_scan(request: Request) -> Response:
    """Queue a scan of the files of a repository that have no valid result."""
    await call_hub(request, scan_reports.request_scan, any_ref(request))
    return json_response({})


async def list_mirrors(request: Request) -> Response:
    """Serve the mirrors on this server that were used last."""
    found = await call_hub_slow(request, mirror_overviews.list_mirrors)
    return json_response([render_mirror(report) for report in found])


async def request_repack(request: Request) -> Response:
    """Queue the repacking of the mirror of a repository."""
    await call_hub(request, mirror_overviews.request_repack, any_ref(request))
    return json_response({})


def render(report: RepoReport) -> RepoScanReport:
    """Return the JSON value of a report."""
    return RepoScanReport(
        repo=str(report.repo.ref.id),
        type=report.repo.type.value,
        private=report.repo.is_private,
        status=report.worst,
        counts=report.counts,
        findings=[
            ScanFinding(status=found.status, commit=found.commit, path=legible(found.path)) for found in report.findings
        ],
        scanned_at=format_ms(report.scanned_ms),
        waiting=report.is_waiting,
    )


def render_mirror(report: MirrorReport) -> MirrorInfo:
    """Return the JSON value of a mirror."""
    facts = report.facts
    return MirrorInfo(
        repo=str(report.repo.ref.id),
        type=report.repo.type.value,
        private=report.repo.is_private,
        size=facts.size,
        packs=facts.packs,
        intact=facts.is_sound,
        slow=facts.is_slow,
        used_at=format_ms(facts.used_ms),
        checked_at=format_ms(facts.checked_ms) if facts.checked_ms else None,
        waiting=report.is_waiting,
        error=report.error or None,
    )
