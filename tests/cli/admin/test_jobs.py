from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.catalog.jobs import jobs
from entrepot.hub import audit
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.jobs import handlers, overviews
from entrepot.settings import Settings
from tests.support.commands import Run


@pytest.fixture
def hub(data: Path) -> Iterator[HubContext]:
    """A hub with job 1, dead, and job 2, due far in the future."""
    opened = open_hub(Settings(data=data))
    with opened.write() as tx:
        jobs.enqueue(tx, "history", {"repo": 1}, 1000)
        claimed = jobs.claim(tx, "somebody", 2000, 10)
        assert claimed is not None
        jobs.fail(tx, claimed.id, "somebody", "ValueError: two\nlines", None, 3000)
        jobs.enqueue(tx, "card", {"repo": 2}, 4_000_000_000_000)
    yield opened
    opened.close()


def test_jobs_are_listed_newest_first(hub: HubContext, run: Run) -> None:
    rows = run("admin", "jobs", "list", "--json").json
    assert rows == [
        {
            "id": 2,
            "lane": "interactive",
            "namespace": None,
            "kind": "card",
            "args": {"repo": 2},
            "state": "ready",
            "attempts": 0,
            "run_at": "2096-10-02T07:06:40.000Z",
            "error": None,
            "created_at": "2096-10-02T07:06:40.000Z",
        },
        {
            "id": 1,
            "lane": "interactive",
            "namespace": None,
            "kind": "history",
            "args": {"repo": 1},
            "state": "dead",
            "attempts": 1,
            "run_at": "1970-01-01T00:00:01.000Z",
            "error": "ValueError: two\nlines",
            "created_at": "1970-01-01T00:00:01.000Z",
        },
    ]


def test_jobs_are_listed_for_people_one_a_line(hub: HubContext, run: Run) -> None:
    lines = run("admin", "jobs", "list").out.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("ValueError: two lines")


def test_jobs_are_chosen_by_state_and_number(hub: HubContext, run: Run) -> None:
    def ids(*args: str) -> list[int]:
        return [row["id"] for row in run("admin", "jobs", "list", "--json", *args).json]

    assert ids("--state", "dead") == [1]
    assert ids("--state", "dead", "--state", "ready") == [2, 1]
    assert ids("--limit", "1") == [2]
    assert run("admin", "jobs", "list", "--state", "lazy").code == 2


def test_a_dead_job_runs_again(hub: HubContext, run: Run) -> None:
    assert run("admin", "jobs", "retry", "1").out == "job 1 is ready to run\n"
    job = next(job for job in handlers.list_jobs(hub) if job.id == 1)
    assert (job.state, job.attempts) == ("ready", 0)
    assert handlers.pause_ms(hub) == 0


def test_a_job_is_cancelled(hub: HubContext, run: Run) -> None:
    assert run("admin", "jobs", "cancel", "2", "--json").json == {"cancelled": 2}
    assert [job.id for job in handlers.list_jobs(hub)] == [1]


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_a_running_job_and_one_that_does_not_exist_are_left_alone(hub: HubContext, run: Run, command: str) -> None:
    overviews.retry_job(hub, audit.CONSOLE, 1)
    assert handlers.claim(hub, "somebody") is not None
    for job in ("1", "99"):
        outcome = run("admin", "jobs", command, job)
        assert outcome.code == 1
        assert f"'{job}'" in outcome.err
    assert {job.id: job.state for job in handlers.list_jobs(hub)} == {1: "running", 2: "ready"}
