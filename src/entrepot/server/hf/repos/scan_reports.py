"""What scanners found on the whole hub, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.scanning import scan_reports
from entrepot.hub.scanning.scan_reports import WORST, RepoReport
from entrepot.names import RepoRef, parse_any_type, parse_repo_id
from entrepot.server.handlers import call_hub, json_response, next_link, query_int
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.restrictions import RepoScanReport, ScanFinding
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_PAGE = 100
_NEWEST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/scans", list_reports),
        Route("/api/admin/repos/{kind}/{namespace}/{name}/scan", request_scan, methods=["POST"]),
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
    """Scan what has no valid result yet in a repository soon."""
    word, namespace, name = (decode_segment(request.path_params[key]) for key in ("kind", "namespace", "name"))
    ref = RepoRef(parse_any_type(word), parse_repo_id(f"{namespace}/{name}"))
    await call_hub(request, scan_reports.request_scan, ref)
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
