from __future__ import annotations

import sys

import pytest

from entrepot.catalog import file_tables
from entrepot.catalog.files import scans
from entrepot.hub.jobs import handlers
from entrepot.hub.scanning import pickle_scans, results, scan_jobs
from entrepot.hub.scanning.scanners import ScanFailed
from tests.hub.scanning.conftest import HOSTILE, ODD, scan
from tests.support import hub_work
from tests.support.worlds import DAY_MS, World


def waiting(world: World, kind: str) -> int:
    return len([job for job in handlers.list_jobs(world.hub, states=("ready",)) if job.kind == kind])


def statuses(world: World) -> list[str]:
    with world.hub.read() as tx:
        return sorted(
            tx.sql.execute(file_tables.scans.select().with_only_columns(file_tables.scans.c.status)).scalars()
        )


def test_a_commit_is_followed_by_a_scan_only_if_scanning_is_on(world: World, scanning: World) -> None:
    for site, count in ((world, 0), (scanning, 1)):
        ref = site.repo()
        site.add(ref, "a.pkl", HOSTILE)
        site.add(ref, "b.pkl", HOSTILE)
        assert waiting(site, "scan") == count
        handlers.plan_recurring(site.hub)
        assert waiting(site, "rescan") == count


def test_the_job_scans_what_is_at_a_head_once(scanning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = scanning.repo()
    scanning.add(ref, "a.pkl", HOSTILE)
    scanning.add_large(ref, "b.bin", ODD + b"large")
    scanning.add(ref, "README.md", b"# x")
    scanning.clock.advance(60_000)
    while (outcome := hub_work.run_next(scanning.hub, handlers.new_owner())) is not None:
        assert outcome.error is None
    assert statuses(scanning) == ["suspicious", "unsafe"]
    monkeypatch.setattr(pickle_scans, "command_of", lambda _module: [sys.executable, "-c", "this would fail"])
    scan(scanning, ref)
    assert statuses(scanning) == ["suspicious", "unsafe"]
    monkeypatch.setattr("entrepot.hub.scanning.contents.PICKLE_VERSION", "next")
    scan(scanning, ref)
    # A new version reads everything again; a scanner that is broken does not clear what was unsafe.
    assert statuses(scanning) == ["error", "unsafe"]


def test_a_scan_tells_how_much_it_has_left(scanning: World) -> None:
    ref = scanning.repo()
    sizes = [len(data) for data in (HOSTILE, ODD, ODD + bytes(1_000))]
    for number, data in enumerate((HOSTILE, ODD, ODD + bytes(1_000))):
        scanning.add(ref, f"{number}.pkl", data)
    told = [left_bytes for left_bytes in scan_jobs.scan_steps(scanning.hub, scanning.row_id(ref)) if left_bytes]
    assert told[0] == sum(sizes) + 3 * scan_jobs.WORK_OF_A_PROCESS
    assert told == sorted(told, reverse=True)
    assert len(told) == 3


def test_a_failed_scan_is_repeated_after_a_day(scanning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = scanning.repo()
    scanning.add(ref, "a.pkl", HOSTILE)

    def fail(_content: object) -> None:
        raise ScanFailed("it took too long")

    with monkeypatch.context() as patch:
        patch.setattr(pickle_scans, "scan_content", fail)
        scan(scanning, ref)
    assert statuses(scanning) == ["error"]
    scan(scanning, ref)
    assert statuses(scanning) == ["error"]
    assert not results.describe_repo(scanning.hub, scanning.alice, ref, "main").is_done
    scanning.clock.advance(DAY_MS)
    scan(scanning, ref)
    assert statuses(scanning) == ["unsafe"]


def test_the_daily_job_scans_everything_and_forgets_what_is_gone(scanning: World) -> None:
    ref, gone = scanning.repo("alice/kept"), scanning.repo("bob/gone")
    for each in (ref, gone):
        scanning.add(each, "a.pkl", HOSTILE)
        scan(scanning, each)
    scanning.add(gone, "a.pkl", b"no pickle")
    scan(scanning, gone)
    assert statuses(scanning) == ["skipped", "unsafe", "unsafe"]
    for _ in range(5):
        scanning.clock.advance(40 * DAY_MS)
        for _ in scan_jobs.rescan_steps(scanning.hub):
            pass
        for each in (ref, gone):
            scan(scanning, each)
    assert statuses(scanning) == ["skipped", "unsafe"]
    assert waiting(scanning, "scan") == 2
    assert waiting(scanning, "rescan") == 1


def test_a_command_reads_again_after_a_month(with_command: World) -> None:
    world = with_command
    ref = world.repo()
    world.add(ref, "a.txt", b"EICAR")
    scan(world, ref)
    with world.hub.read() as tx:
        [before] = [row for row in scans.find(tx, contents_of(world)).values() if row.status == "unsafe"]
    assert before.report == {"message": "read 5 bytes"}
    world.clock.advance(29 * DAY_MS)
    scan(world, ref)
    with world.hub.read() as tx:
        assert scans.find(tx, [before.content])[before.content, "command"].scanned_ms == before.scanned_ms
    world.clock.advance(DAY_MS)
    scan(world, ref)
    with world.hub.read() as tx:
        assert scans.find(tx, [before.content])[before.content, "command"].scanned_ms == world.clock.now_ms


def contents_of(world: World) -> list[str]:
    with world.hub.read() as tx:
        return list(tx.sql.execute(file_tables.scans.select().with_only_columns(file_tables.scans.c.content)).scalars())


def test_a_repository_that_is_gone_is_no_error(scanning: World) -> None:
    assert list(scan_jobs.scan_steps(scanning.hub, 999)) == []
