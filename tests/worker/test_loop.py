from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import Job
from entrepot.errors import DatabaseUnavailable
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.jobs import handlers as followups
from entrepot.settings import Settings
from entrepot.worker import loop
from entrepot.worker.loop import Worker, threads_of
from tests.support import hub_work
from tests.support.recurring_jobs import RECURRING

WAIT_S = 240.0


class Clock:
    """The hub's time: stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[HubContext]:
    opened = attrs.evolve(open_hub(Settings(data=tmp_path / "data"), fsync=False), now_ms=clock)
    yield opened
    opened.close()


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[str, followups.Handler]:
    """Kinds of jobs that a test may add to those of the hub."""
    kinds: dict[str, followups.Handler] = dict(followups.HANDLERS)
    monkeypatch.setattr(followups, "HANDLERS", kinds)
    return kinds


@pytest.fixture
def work(hub: HubContext) -> Iterator[Callable[..., Worker]]:
    """Start a worker that is stopped after the test."""
    workers = []

    def start(**options: Any) -> Worker:
        workers.append(Worker(hub, **options))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def add(hub: HubContext, kind: str, **args: Any) -> None:
    with hub.write() as tx:
        jobs.enqueue(tx, kind, args, hub.now_ms())
    hub.job_added.set()


def own_jobs(hub: HubContext) -> list[Job]:
    """The jobs of a test, without those that every worker plans."""
    return [job for job in followups.list_jobs(hub) if job.kind not in RECURRING]


def only_job(hub: HubContext) -> Job:
    (job,) = own_jobs(hub)
    return job


def test_a_waiting_job_is_run_and_done(
    hub: HubContext, handlers: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    seen: list[int] = []
    ran = threading.Event()

    def note(_hub: HubContext, args: Mapping[str, Any]) -> None:
        seen.append(args["number"])
        ran.set()

    handlers["note"] = note
    add(hub, "note", number=7)
    worker = work()
    assert ran.wait(WAIT_S)
    worker.stop()
    assert seen == [7]
    assert only_job(hub).state == "done"


def test_a_sleeping_worker_is_woken_by_a_new_job(
    hub: HubContext,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("entrepot.worker.loop._LOOK_EVERY_S", 3600.0)
    asleep, ran = threading.Event(), threading.Event()
    looks = followups.pause_ms

    def look(of: HubContext, lane: str | None = None) -> int | None:
        found = looks(of, lane)
        if found is None:
            asleep.set()
        return found

    monkeypatch.setattr(followups, "pause_ms", look)
    handlers["note"] = lambda _hub, _args: ran.set()
    work(threads={"interactive": 2})
    assert asleep.wait(WAIT_S)
    add(hub, "note")
    assert ran.wait(WAIT_S)


def test_jobs_of_other_processes_are_seen_without_a_call(
    hub: HubContext, handlers: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    ran = threading.Event()
    handlers["note"] = lambda _hub, _args: ran.set()
    work()
    with hub.write() as tx:
        jobs.enqueue(tx, "note", {}, hub.now_ms())
    assert ran.wait(WAIT_S)


@pytest.mark.parametrize("failure", [ZeroDivisionError("no sums today"), MemoryError("too much")])
def test_an_unforeseen_failure_is_recorded_and_the_next_job_runs(
    hub: HubContext,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran = threading.Event()

    def fail(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        raise failure

    handlers |= {"fail": fail, "note": lambda _hub, _args: ran.set()}
    add(hub, "fail")
    add(hub, "note")
    worker = work()
    assert ran.wait(WAIT_S)
    worker.stop()
    failed = next(job for job in own_jobs(hub) if job.kind == "fail")
    assert (failed.state, failed.attempts) == ("ready", 1)
    assert failed.error == f"{type(failure).__name__}: {failure}"
    assert failed.run_ms == hub.now_ms() + 1000
    assert any(record.exc_info and "job.failed" in record.message for record in caplog.records)


def test_a_job_that_always_fails_is_dead_in_the_end(
    hub: HubContext,
    clock: Clock,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("entrepot.worker.loop._LOOK_EVERY_S", 0.005)
    tries: list[int] = []
    dead = threading.Event()

    def fail(of: HubContext, _args: Mapping[str, Any]) -> None:
        tries.append(of.now_ms())
        raise ValueError("never")

    handlers |= {"fail": fail}
    conclude = followups._conclude

    def run(*arguments: Any) -> followups.Outcome:
        try:
            return conclude(*arguments)
        finally:
            clock.now_ms += 10**9  # every pause is over at once
            if only_job(hub).state == "dead":
                dead.set()

    monkeypatch.setattr(followups, "_conclude", run)
    add(hub, "fail")
    work(threads={"interactive": 1})  # a second one would see the lease end as the clock jumps
    assert dead.wait(WAIT_S)
    assert len(tries) == followups.MAX_ATTEMPTS
    assert only_job(hub).error == "ValueError: never"


def test_a_long_job_keeps_its_lease(
    hub: HubContext,
    clock: Clock,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, may_end, renewed = threading.Event(), threading.Event(), threading.Event()
    renew = followups.renew

    def count(of: HubContext, owner: str, job: Job) -> bool:
        kept = renew(of, owner, job)
        if clock.now_ms > 1_000_000:
            renewed.set()
        return kept

    def take_long(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        running.set()
        assert may_end.wait(WAIT_S)

    monkeypatch.setattr(followups, "renew", count)
    handlers["long"] = take_long
    add(hub, "long")
    worker = work(renew_every_s=0.01)
    assert running.wait(WAIT_S)
    clock.now_ms += followups.LEASE_MS - 1
    assert renewed.wait(WAIT_S)
    clock.now_ms += followups.LEASE_MS - 1
    stolen = followups.claim(hub, "somebody else")
    may_end.set()
    worker.stop()
    assert stolen is None or stolen.kind in RECURRING  # whose turn comes after that of a deserted job
    assert only_job(hub).state == "done"


def test_stopping_waits_for_the_job_that_runs(
    hub: HubContext, handlers: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    running, may_end = threading.Event(), threading.Event()

    def take_long(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        running.set()
        assert may_end.wait(WAIT_S)

    handlers["long"] = take_long
    add(hub, "long")
    add(hub, "long")
    worker = work(threads={"interactive": 1})
    assert running.wait(WAIT_S)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    assert stopping.is_alive()
    may_end.set()
    stopping.join(WAIT_S)
    assert not stopping.is_alive()
    # The second one was not begun: it waits for another worker.
    assert sorted(job.state for job in own_jobs(hub)) == ["done", "ready"]


def test_stopping_gives_up_on_a_job_after_the_grace_period(
    hub: HubContext,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    running, may_end = threading.Event(), threading.Event()

    def take_long(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        running.set()
        assert may_end.wait(WAIT_S)

    handlers["long"] = take_long
    add(hub, "long")
    worker = work(grace_s=0.01)
    assert running.wait(WAIT_S)
    worker.stop()
    assert only_job(hub).state == "running"
    assert "job.left" in caplog.text
    may_end.set()
    for thread in threading.enumerate():
        if thread.name.startswith("jobs-"):
            thread.join(WAIT_S)


def test_a_job_whose_workers_keep_dying_is_given_up(hub: HubContext, clock: Clock, handlers: dict[str, Any]) -> None:
    runs: list[int] = []
    handlers["deadly"] = lambda _hub, _args: runs.append(1)
    add(hub, "deadly")
    for number in range(followups.MAX_ATTEMPTS):
        assert followups.claim(hub, f"dying {number}") is not None
        clock.now_ms += followups.LEASE_MS
    outcome = hub_work.run_next(hub, "last")
    assert outcome is not None
    assert runs == []
    assert only_job(hub).state == "dead"
    assert "died" in str(only_job(hub).error)


def test_stopping_before_the_start_and_twice_is_harmless(hub: HubContext) -> None:
    worker = Worker(hub)
    worker.stop()
    worker.stop()
    assert own_jobs(hub) == []


def test_a_database_that_is_away_for_a_moment_ends_nothing(
    hub: HubContext,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("entrepot.worker.loop._AFTER_FAILURE_S", 0.0)
    ran = threading.Event()
    looks = followups.pause_ms
    faults = [OSError("gone"), OSError("still gone")]

    def look(of: HubContext, lane: str | None = None) -> int | None:
        if faults:
            raise faults.pop()
        return looks(of, lane)

    monkeypatch.setattr(followups, "pause_ms", look)
    handlers["note"] = lambda _hub, _args: ran.set()
    add(hub, "note")
    work()
    assert ran.wait(WAIT_S)


def test_a_failure_of_a_service_is_one_line_and_that_of_the_program_a_traceback(
    hub: HubContext, work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("entrepot.worker.loop._AFTER_FAILURE_S", 0.0)
    faults = [TypeError("a defect"), DatabaseUnavailable("no route to host")]
    all_raised = threading.Event()

    def look(_hub: HubContext, _lane: str | None = None) -> int:
        if faults:
            raise faults.pop()
        all_raised.set()
        return 1000

    monkeypatch.setattr(followups, "pause_ms", look)
    worker = work()
    assert all_raised.wait(WAIT_S)
    worker.stop()
    found = {bool(record.exc_info): record.getMessage() for record in caplog.records if "jobs." in record.message}
    assert found == {
        False: f"jobs.not_readable error='DatabaseUnavailable: {DatabaseUnavailable('')}'",
        True: "jobs.not_readable error='TypeError: a defect'",
    }


def test_a_job_that_finds_the_database_away_leaves_no_traceback(
    hub: HubContext,
    handlers: dict[str, followups.Handler],
    work: Callable[..., Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran = threading.Event()

    def fail(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        raise DatabaseUnavailable("no route to host")

    handlers |= {"fail": fail, "note": lambda _hub, _args: ran.set()}
    add(hub, "fail")
    add(hub, "note")
    worker = work()
    assert ran.wait(WAIT_S)
    worker.stop()
    (failed,) = [record for record in caplog.records if "job.failed" in record.getMessage()]
    assert "cannot be reached" in failed.getMessage()
    assert not failed.exc_info


def add_for(hub: HubContext, namespace_id: int, kind: str, **args: Any) -> None:
    with hub.write() as tx:
        jobs.enqueue(tx, kind, args, hub.now_ms(), namespace_id=namespace_id)
    hub.job_added.set()


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch, handlers: dict[str, followups.Handler]) -> dict[str, followups.Handler]:
    """The handlers, without the recurring jobs, which would run between those of a test."""
    monkeypatch.setattr(followups, "plan_recurring", lambda _hub: None)
    return handlers


def test_a_lane_that_is_stuck_holds_up_no_other(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    stuck, may_end, ran = threading.Event(), threading.Event(), threading.Event()
    others = iter(range(3))

    def wait(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        stuck.set()
        assert may_end.wait(WAIT_S)

    def note(_hub: HubContext, _args: Mapping[str, Any]) -> None:
        if next(others) == 2:
            ran.set()

    lanes |= {"mirror": wait, "card": note, "chunk": note, "deliver": note}
    add_for(hub, 1, "mirror")
    work()
    assert stuck.wait(WAIT_S)
    for kind in ("card", "chunk", "deliver"):
        add_for(hub, 1, kind)
    assert ran.wait(WAIT_S)
    may_end.set()


def test_a_long_job_pauses_for_the_job_of_another_namespace(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.worker.loop.SLICE_S", 0.005)
    began, other, done = threading.Event(), threading.Event(), threading.Event()

    def long(_hub: HubContext, _args: Mapping[str, Any]) -> Iterator[None]:
        began.set()
        while not other.is_set():  # ends only if the other job runs in between, on the only thread
            yield
        done.set()

    lanes |= {"verify": long, "chunk": lambda _hub, _args: other.set()}
    add_for(hub, 1, "verify")
    work(threads={"heavy": 1})
    assert began.wait(WAIT_S)
    for _ in range(3):
        add_for(hub, 1, "verify")
    add_for(hub, 2, "chunk")
    assert done.wait(WAIT_S)


def test_short_jobs_get_through_when_no_more_long_ones_can_be_paused(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.worker.loop.SLICE_S", 0.005)
    monkeypatch.setattr("entrepot.worker.loop.MAX_PAUSED", 2)
    began, ends, ran = [threading.Event() for _ in range(4)], threading.Event(), threading.Event()

    def long(_hub: HubContext, args: Mapping[str, Any]) -> Iterator[None]:
        began[args["number"]].set()
        while not ends.is_set():
            yield

    lanes |= {"verify": long, "chunk": lambda _hub, _args: ran.set()}
    worker = work(threads={"heavy": 1})
    for number in range(4):
        add_for(hub, 1 + number, "verify", number=number)
        assert began[number].wait(WAIT_S)
    add_for(hub, 9, "chunk")
    assert ran.wait(WAIT_S)
    worker.stop()
    assert sorted(job.state for job in own_jobs(hub)) == ["done", *["ready"] * 4]
    assert {job.attempts for job in own_jobs(hub) if job.state == "ready"} == {0}


def test_a_job_of_several_slices_gets_through_beside_many_that_take_hours(
    hub: HubContext,
    clock: Clock,
    lanes: dict[str, followups.Handler],
    work: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One person may own many organisations, each with a claim of many gigabytes."""
    for name, value in {"SLICE_S": 0.005, "LONG_S": 0.2, "MAX_PAUSED": 4, "MAX_LONG": 2}.items():
        monkeypatch.setattr(f"entrepot.worker.loop.{name}", value)
    ends, all_began, ran, begun = threading.Event(), threading.Event(), threading.Event(), Counter[int]()

    def endless(_hub: HubContext, args: Mapping[str, Any]) -> Iterator[None]:
        begun[args["number"]] += 1
        while not ends.is_set():
            yield
            if len(begun) == 6:
                all_began.set()

    def of_three_slices(_hub: HubContext, _args: Mapping[str, Any]) -> Iterator[None]:
        for _ in range(3):
            time.sleep(0.006)
            yield
        ran.set()

    lanes |= {"verify": endless, "chunk": of_three_slices}
    worker = work(threads={"heavy": 1}, renew_every_s=0.5)
    for number in range(6):
        add_for(hub, 1 + number, "verify", number=number)
    assert all_began.wait(WAIT_S)
    add_for(hub, 9, "chunk")
    tries = 0
    while not ran.wait(0.2):  # a job for which there was no place waits for ten seconds
        tries += 1
        assert tries < WAIT_S / 0.2
        clock.now_ms += 2_000
    assert 1 in begun.values()  # those that were first go on, and do not begin again
    ends.set()
    worker.stop()


def test_a_job_of_some_slices_is_not_delayed_by_a_round_of_many_long_ones_for_each(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLICE_S", "SHORT_SLICE_S"):
        monkeypatch.setattr(f"entrepot.worker.loop.{name}", 0.0)  # a slice is one step
    steps, ends, ran, all_paused = list[int](), threading.Event(), threading.Event(), threading.Event()

    def step_by_step(_hub: HubContext, args: Mapping[str, Any]) -> Iterator[None]:
        for number in itertools.count():
            if ends.is_set() or number == args["steps"]:
                break
            steps.append(args["number"])
            if len(steps) == 500:
                all_paused.set()
            yield
        if args["number"] == 99:
            ran.set()
            ends.set()

    lanes |= {"verify": step_by_step, "chunk": step_by_step}
    for number in range(12):
        add_for(hub, 1 + number, "verify", number=number, steps=-1)
    work(threads={"heavy": 1})
    assert all_paused.wait(WAIT_S)
    assert len(set(steps)) == 12
    add_for(hub, 99, "chunk", number=99, steps=10)
    assert ran.wait(WAIT_S)
    between = steps[steps.index(99) :]
    assert between.count(99) == 10
    assert len(between) <= 30  # ten rounds would be 120


def slots(*took_s: float, left_bytes: Sequence[int | None] | None = None) -> list[loop._Slot]:
    """Paused jobs of the namespaces 1, 2, 3 … that have run so long."""
    found = []
    for number, (seconds, left) in enumerate(zip(took_s, left_bytes or [None] * len(took_s), strict=True), 1):
        job = Job(number, "chunk", "heavy", number, {}, "running", 1, 0, None, 0)
        found.append(loop._Slot(followups.Run(None, "w", job), seconds))  # type: ignore[arg-type]
        found[-1].run.left_bytes = left
    return found


def test_of_too_many_jobs_one_that_has_taken_long_is_put_back() -> None:
    lane = loop._Lane("heavy", 1)
    assert loop._least_lost(slots(9.0, 3.0, 0.1), lane) == 1
    assert loop._least_lost(slots(0.1, 0.3, 0.2), lane) == 1
    assert loop._next(slots(9.0, 0.3, 0.4), lane) == 1


def test_of_too_many_jobs_the_one_with_most_work_left_is_put_back() -> None:
    lane, gib = loop._Lane("heavy", 1), 1 << 30
    assert loop._least_lost(slots(0.1, 5.0, 1.2, left_bytes=[50 * gib, 50 * gib, gib // 16]), lane) == 0
    assert loop._next(slots(0.1, 5.0, 1.2, left_bytes=[50 * gib, 50 * gib, gib // 16]), lane) == 2


def test_who_has_used_the_threads_least_lately_goes_on_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "time", clock := SimulatedTime())
    lane = loop._Lane("heavy", 1)
    lane.use(1, 8.0)
    lane.use(2, 5.0)
    assert loop._next(slots(0.1, 0.2), lane) == 1
    assert loop._least_lost(slots(0.1, 0.2), lane) == 0
    clock.now_s += loop.HALF_LIFE_S
    lane.use(2, 5.0)
    assert (lane.used_s(1), lane.used_s(2), lane.used_s(3)) == (4.0, 7.5, 0.0)
    for namespace in range(10, 2_000):
        lane.use(namespace, 1.0)
    assert lane.used_s(1) == 0.0


class SimulatedTime:
    """A clock for the loop that only the steps of jobs move."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize("needs_s", [0.3, 1.0])
@pytest.mark.parametrize("accounts", [20, 60])
def test_a_newcomer_with_little_to_do_is_not_delayed_by_endless_jobs_that_arrive_with_it(
    hub: HubContext,
    clock: Clock,
    lanes: dict[str, followups.Handler],
    monkeypatch: pytest.MonkeyPatch,
    needs_s: float,
    accounts: int,
) -> None:
    """On a simulated clock, with the only heavy thread: the order is checked, not the speed of the machine."""
    monkeypatch.setattr(loop, "time", simulated := SimulatedTime())
    monkeypatch.setattr(hub.job_added, "wake", lambda: None)
    ended, steps, began_s = list[float](), Counter[int](), simulated.now_s

    def work(_hub: HubContext, args: Mapping[str, Any]) -> Iterator[int | None]:
        left_s = args["ms"] / 1000
        while left_s > 0:
            yield int(left_s * loop.BYTES_PER_S)
            simulated.now_s += 0.02
            clock.now_ms += 20
            left_s -= 0.02
            steps[args["number"]] += 1
        ended.append(simulated.now_s - began_s)

    lanes["verify"] = work
    for number in range(accounts):
        for _repository in range(2):
            add_for(hub, 1 + number, "verify", number=number, ms=800_000)
    add_for(hub, 999, "verify", number=999, ms=int(needs_s * 1000))
    worker, lane, paused = Worker(hub, threads={"heavy": 1}), loop._Lane("heavy", 1), list[loop._Slot]()
    while not ended:
        worker._run_slices(lane, paused)
    assert ended[0] < 5.0
    before = dict(steps)
    while simulated.now_s < began_s + 30:
        worker._run_slices(lane, paused)
    assert len(steps - Counter(before)) >= 8  # the endless ones go on
    for slot in paused:
        slot.run.put_back()


def test_a_namespace_holds_at_most_a_quarter_of_the_threads(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    stuck, may_end, ran = threading.Barrier(3), threading.Event(), threading.Event()

    def send(_hub: HubContext, args: Mapping[str, Any]) -> None:
        if args["silent"]:
            stuck.wait(WAIT_S)
            assert may_end.wait(WAIT_S)
        else:
            ran.set()

    lanes["deliver"] = send
    for _ in range(20):
        add_for(hub, 1, "deliver", silent=True)
    worker = work(threads={"outbound": 8})
    stuck.wait(WAIT_S)
    assert sum(job.state == "running" for job in own_jobs(hub)) == 2
    add_for(hub, 2, "deliver", silent=False)
    assert ran.wait(WAIT_S)
    with hub.write() as tx:
        for job in jobs.find(tx, states=["ready"]):
            jobs.cancel(tx, job.id)
    may_end.set()
    worker.stop()


def test_a_paused_job_keeps_its_lease_and_is_put_back_at_the_stop(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, stepped = threading.Event(), threading.Event()

    def endless(_hub: HubContext, _args: Mapping[str, Any]) -> Iterator[None]:
        try:
            while True:
                stepped.set()
                yield
        finally:
            closed.set()

    lanes["chunk"] = endless
    monkeypatch.setattr("entrepot.worker.loop.SLICE_S", 0.002)
    add_for(hub, 1, "chunk")
    worker = work(threads={"heavy": 1})
    assert stepped.wait(WAIT_S)
    worker.stop()
    assert closed.is_set()
    assert (only_job(hub).state, only_job(hub).attempts) == ("ready", 0)


def test_a_lane_without_threads_is_left_to_other_processes(
    hub: HubContext, lanes: dict[str, followups.Handler], work: Callable[..., Worker]
) -> None:
    ran = threading.Event()
    lanes |= {"chunk": lambda _hub, _args: ran.set(), "card": lambda _hub, _args: ran.set()}
    add_for(hub, 1, "chunk")
    add_for(hub, 1, "card")
    worker = work(threads={"heavy": 0, "interactive": 1})
    assert ran.wait(WAIT_S)
    worker.stop()
    assert {job.kind: job.state for job in own_jobs(hub)} == {"chunk": "ready", "card": "done"}


def test_the_settings_say_how_many_threads_a_lane_has(hub: HubContext) -> None:
    assert threads_of(hub) == {"interactive": 2, "heavy": 1, "outbound": 8, "maintenance": 1}
