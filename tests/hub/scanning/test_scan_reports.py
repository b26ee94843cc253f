from __future__ import annotations

import pytest

from entrepot.catalog.repos import repositories
from entrepot.errors import InvalidName, LoginRequired, NotAllowed, Refused, RepoNotFound
from entrepot.hub import audit
from entrepot.hub.audit import CONSOLE
from entrepot.hub.jobs import handlers
from entrepot.hub.scanning import scan_jobs, scan_reports
from entrepot.hub.scanning.scan_reports import RepoFinding, RepoReport
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.hub.scanning.conftest import HOSTILE, ODD, scan
from tests.support.worlds import World


def reports(world: World, worst: str) -> list[RepoReport]:
    return scan_reports.list_reports(world.hub, CONSOLE, worst, limit=10)


def test_a_repository_is_listed_under_its_worst_status_with_the_files(scanning: World) -> None:
    ref, calm = scanning.repo(), scanning.repo("bob/calm")
    first = scanning.add(ref, "odd.bin", ODD)
    scanning.add(ref, "a/evil.pkl", HOSTILE)
    scanning.add(ref, "a/again.pkl", HOSTILE)
    scanning.add(calm, "README.md", b"# x")
    for each in (ref, calm):
        scan(scanning, each)
    [report] = reports(scanning, "unsafe")
    assert report.repo.ref == ref
    assert report.counts == {"unsafe": 1, "suspicious": 1}, "one content that is stored twice counts once"
    assert [(found.status, found.path) for found in report.findings] == [
        ("unsafe", "a/again.pkl"),
        ("suspicious", "odd.bin"),
    ]
    assert {found.commit for found in report.findings} != {first}
    assert reports(scanning, "suspicious") == []
    assert [found.repo.ref for found in reports(scanning, "safe")] == [calm]
    assert scan_reports.count_reports(scanning.hub, CONSOLE)["unsafe"] == 1


def test_results_of_earlier_scans_count_again_and_files_that_are_gone_do_not(scanning: World) -> None:
    ref = scanning.repo()
    scanning.add(ref, "evil.pkl", HOSTILE)
    scan(scanning, ref)
    scan(scanning, ref)
    [report] = reports(scanning, "unsafe")
    assert [RepoFinding("unsafe", found.commit, "evil.pkl") for found in report.findings] == list(report.findings)
    scanning.add(ref, "evil.pkl", b"no pickle")
    scan(scanning, ref)
    assert reports(scanning, "unsafe") == []
    [report] = reports(scanning, "safe")
    assert (report.counts, report.findings) == ({}, [])


def test_a_deleted_repository_is_not_listed_even_if_its_scan_ends_later(scanning: World) -> None:
    ref = scanning.repo()
    scanning.add(ref, "evil.pkl", HOSTILE)
    scan(scanning, ref)
    row = scanning.row_id(ref)
    steps = scan_jobs.scan_steps(scanning.hub, row)
    next(steps)
    with scanning.hub.write() as tx:
        known = repositories.by_id(tx, row)
        assert known is not None
        repositories.unlink(tx, known, 1)
        repositories.erase(tx, row)
    assert list(steps) == []
    assert reports(scanning, "unsafe") == []


def test_a_scan_is_requested_once_and_recorded(scanning: World) -> None:
    ref = scanning.repo()
    scanning.add(ref, "evil.pkl", HOSTILE)
    scan(scanning, ref)
    for _ in range(2):
        scan_reports.request_scan(scanning.hub, CONSOLE, ref)
    due = [job for job in handlers.list_jobs(scanning.hub, states=("ready",)) if job.kind == "scan"]
    assert [job.run_ms <= scanning.hub.now_ms() for job in due] == [True]
    assert [report.is_waiting for report in reports(scanning, "unsafe")] == [True]
    assert len(audit.search(scanning.hub, audit.AuditFilter(action="scan.request"), limit=9)) == 2


def test_only_administrators_of_the_hub_see_and_request(scanning: World, world: World) -> None:
    ref = scanning.repo()
    for caller, error in ((None, LoginRequired), (scanning.alice, NotAllowed)):
        with pytest.raises(error):
            scan_reports.list_reports(scanning.hub, caller, "unsafe", limit=1)
        with pytest.raises(error):
            scan_reports.count_reports(scanning.hub, caller)
        with pytest.raises(error):
            scan_reports.request_scan(scanning.hub, caller, ref)
    with pytest.raises(InvalidName):
        reports(scanning, "skipped")
    with pytest.raises(RepoNotFound):
        scan_reports.request_scan(scanning.hub, CONSOLE, RepoRef(RepoType.MODEL, parse_repo_id("no/one")))
    with pytest.raises(Refused, match="scanning is off"):
        scan_reports.request_scan(world.hub, CONSOLE, world.repo())
