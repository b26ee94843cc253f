from __future__ import annotations

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.hub import audit
from tests.server.pages.admin.conftest import CHIEF
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

DAY_MS = 86_400_000


def waiting(site: ServedHub) -> int:
    """Return the number of a new job that is due in a day."""
    with site.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {}, site.hub.now_ms() + DAY_MS)
        return max(job.id for job in jobs.find(tx, limit=1000))


def test_jobs_are_listed_by_state_and_cancelled(site: ServedHub, admin: httpx2.Client, send_admin: Send) -> None:
    number = waiting(site)
    assert f"#{number}<" in admin.get("/-/admin/jobs?state=ready").text
    assert f"#{number}<" not in admin.get("/-/admin/jobs").text
    assert "Removed." in send_admin("/-/admin/jobs/cancel", {"job": str(number)}).text
    assert send_admin("/-/admin/jobs/cancel", {"job": str(number)}).status_code == 404
    assert audit.search(site.hub, audit.AuditFilter(action="job.cancel"), limit=1)[0].actor == CHIEF


def test_a_job_is_run_now(site: ServedHub, send_admin: Send) -> None:
    number = waiting(site)
    assert send_admin("/-/admin/jobs/retry", {"job": str(number)}).status_code == 200
    assert audit.search(site.hub, audit.AuditFilter(action="job.retry"), limit=1)[0].subject == f"job {number}"


@pytest.mark.parametrize("text", ["", "x", "-1", "٣", "1" * 40])
def test_a_text_that_is_no_number_is_no_job(send_admin: Send, text: str) -> None:
    assert send_admin("/-/admin/jobs/retry", {"job": text}).status_code == 400


def test_an_unknown_state_is_refused(admin: httpx2.Client) -> None:
    assert admin.get("/-/admin/jobs?state=asleep").status_code == 400


def test_the_audit_log_is_filtered_and_paged(site: ServedHub, admin: httpx2.Client) -> None:
    evil = "<script>alert(1)</script>"
    with site.hub.write(Lock.audit()) as tx:
        for number in range(101):
            audit.record(site.hub, tx, "tester", "test.row", f"row {number:03d}", {"text": evil})
    page = admin.get("/-/admin/audit?actor=tester&action=test.row").text
    assert evil not in page
    assert "row 100" in page
    assert "row 000" not in page
    older = page.split("before=")[1].partition('"')[0]
    assert "row 000" in admin.get(f"/-/admin/audit?actor=tester&action=test.row&before={older}").text
    assert "row 007" in admin.get("/-/admin/audit?subject=row+007").text
    assert "Nothing matches." in admin.get("/-/admin/audit?actor=%3Cb%3E").text
