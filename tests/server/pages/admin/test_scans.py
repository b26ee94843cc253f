from __future__ import annotations

import httpx2

from entrepot.catalog import Lock
from entrepot.catalog.files import scan_summaries
from entrepot.catalog.files.scan_summaries import ScanSummary
from entrepot.catalog.repos import repositories
from entrepot.names import RepoRef
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>.pkl"


def report(site: ServedHub, ref: RepoRef, found: list[list[str]], *, count: int) -> int:
    """Store what a scan found; return the row id of the repository."""
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    with site.hub.write(Lock.repo(row.id)) as tx:
        scan_summaries.put(tx, ScanSummary(row.id, "unsafe", {"unsafe": count}, found, site.hub.now_ms()))
    return row.id


def test_what_scanners_found_is_listed_by_repository_with_links(site: ServedHub, admin: httpx2.Client) -> None:
    first, second = site.repo("scanned", visibility="private"), site.repo("scanned-too")
    commit = "a" * 40
    report(site, first, [["unsafe", commit, EVIL]], count=3)
    report(site, second, [["unsafe", commit, "b.pkl"]], count=1)
    page = admin.get("/-/admin/scans")
    assert page.status_code == 200
    assert EVIL not in page.text
    assert f'href="/alice/scanned/blob/{commit}/%3Cscript%3Ealert%281%29%3C/script%3E.pkl"' in page.text
    assert "2 more" in page.text
    assert "Unsafe 2</a>" in page.text
    assert page.text.index("scanned-too") < page.text.index('"/alice/scanned"'), "the newest first"
    assert "/api/admin/scans?status=unsafe" in page.text
    safe = admin.get("/-/admin/scans?status=safe").text
    assert "No repository whose worst status is this." in safe
    assert admin.get("/-/admin/scans?status=skipped").status_code == 400


def test_a_hub_that_does_not_scan_says_so(site: ServedHub, admin: httpx2.Client, send_admin: Send) -> None:
    assert "Scanning is off on this hub." in admin.get("/-/admin/scans").text
    asked = send_admin("/-/admin/scans/run", {"type": "model", "repo": "alice/tern"})
    assert asked.status_code == 409
    assert "Scanning is off on this hub: set scanning" in asked.text
    assert send_admin("/-/admin/scans/run", {"type": "thing", "repo": "alice/tern"}).status_code == 400
