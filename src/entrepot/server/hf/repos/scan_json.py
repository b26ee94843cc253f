"""The results of scans, as clients read them. Source: docs/protocols/hf_api.md, sections 1A.3 and 1A.4."""

from __future__ import annotations

from typing import Any

from entrepot.hub.scanning.results import FileScan, RepoScan, ScanRow
from entrepot.wire.repos.repositories import SecurityStatus
from entrepot.wire.repos.trees import FileSecurity
from entrepot.wire.texts import legible


def security_of(scan: FileScan) -> FileSecurity:
    """Return the JSON value of the scan of a file."""
    return FileSecurity(
        status=scan.status, av_scan=_result_of(scan.external), pickle_import_scan=_result_of(scan.pickles)
    )


def security_status_of(scan: RepoScan) -> SecurityStatus:
    """Return the verdicts on the files of a revision."""
    issues = [{"path": legible(path), "level": level} for path, level in scan.issues]
    return SecurityStatus(scans_done=scan.is_done, files_with_issues=issues)


def _result_of(row: ScanRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    status = "unscanned" if row.status == "skipped" else row.status
    found: dict[str, Any] = {"status": status, "message": row.report.get("message", ""), "version": row.version}
    if "imports" in row.report:
        keys = ("module", "name", "safety")
        found["pickleImports"] = [dict(zip(keys, item, strict=True)) for item in row.report["imports"]]
    return found
