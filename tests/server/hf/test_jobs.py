from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.hub.accounts import accounts
from tests.support.site import Site

PATH = "/api/admin/jobs"
FAR_MS = 4_000_000_000_000


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "foreman", is_admin=True)
    with site.client(accounts.create_token(site.hub, "foreman", role="write").secret) as client:
        yield client


def waiting(site: Site, number: int) -> int:
    with site.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {"number": number}, FAR_MS)
        return next(job.id for job in jobs.find(tx) if job.args == {"number": number})


def test_jobs_are_listed_in_pages(chief: httpx2.Client, site: Site) -> None:
    older, newer = waiting(site, 1), waiting(site, 2)
    first = chief.get(PATH, params={"state": "ready", "limit": 1})
    assert [(row["id"], row["kind"], row["args"]) for row in first.json()] == [(newer, "trends", {"number": 2})]
    rest = chief.get(first.links["next"]["url"]).json()
    assert [row["id"] for row in rest][:1] == [older]
    assert chief.get(PATH, params={"lane": "fast"}).status_code == 400


def test_a_job_is_cancelled(chief: httpx2.Client, site: Site) -> None:
    job = waiting(site, 3)
    assert chief.delete(f"{PATH}/{job}").json() == {}
    assert chief.delete(f"{PATH}/{job}").status_code == 404
    [row] = chief.get("/api/admin/audit", params={"subject": f"job {job}"}).json()
    assert (row["actor"], row["action"]) == ("foreman", "job.cancel")


@pytest.mark.parametrize("name", ["0", "x", "9" * 40, "%2F"])
def test_a_job_that_does_not_exist_is_absent(chief: httpx2.Client, name: str) -> None:
    assert chief.post(f"{PATH}/{name}/retry").status_code == 404


def test_no_one_else_sees_or_changes_jobs(alice: httpx2.Client, anonymous: httpx2.Client, site: Site) -> None:
    job = waiting(site, 4)
    for client, status in ((alice, 403), (anonymous, 401)):
        assert client.get(PATH).status_code == status
        assert client.post(f"{PATH}/{job}/retry").status_code == status
        assert client.delete(f"{PATH}/{job}").status_code == status
