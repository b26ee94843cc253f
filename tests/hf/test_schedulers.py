from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from entrepot import CommitScheduler, HubApi
from entrepot.client.progress import Silent
from entrepot.errors import HubUnreachable, InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

    from entrepot.hf.shapes.addresses import CommitInfo
    from entrepot.testing.hubs import RunningHub

NUMBERS = itertools.count()
NEVER = 1e6


@pytest.fixture
def name() -> str:
    return f"tester/scheduled-{os.getpid()}-{next(NUMBERS)}"


def titles(api: HubApi, repo: str) -> list[str]:
    return [item.title for item in api.list_repo_commits(repo)][:-1]


def read(api: HubApi, repo: str, path: str) -> str:
    with open(api.hf_hub_download(repo, path)) as file:
        return file.read()


def begun(name: str, folder: Path, api: HubApi) -> CommitScheduler:
    """Return a scheduler that has made its first, empty run, and makes no further ones on its own."""
    scheduler = CommitScheduler(repo_id=name, folder_path=folder, every=NEVER, hf_api=api)
    deadline = time.monotonic() + 240
    while scheduler.last_future is None and time.monotonic() < deadline:
        os.sched_yield()
    assert scheduler.last_future is not None
    assert scheduler.last_future.result(60) is None
    return scheduler


def test_only_appended_files_are_committed(api: HubApi, name: str, tmp_path: Path) -> None:
    scheduler = CommitScheduler(repo_id=name, folder_path=tmp_path / "new", every=NEVER, path_in_repo="d", hf_api=api)
    try:
        assert scheduler.trigger().result(60) is None  # no files: no empty commit
        (tmp_path / "new" / "log.txt").write_text("one\n")
        assert scheduler.trigger().result(60) is not None
        assert scheduler.trigger().result(60) is None
        with (tmp_path / "new" / "log.txt").open("a") as log:
            log.write("two\n")
        (tmp_path / "new" / "other.txt").write_text("x")
        assert scheduler.trigger().result(60) is not None
    finally:
        scheduler.stop()
    assert titles(api, name) == ["Scheduled Commit", "Scheduled Commit"]
    assert read(api, name, "d/log.txt") == "one\ntwo\n"
    assert read(api, name, "d/other.txt") == "x"


def test_it_uploads_at_every_interval(api: HubApi, name: str, tmp_path: Path) -> None:
    runs = threading.Semaphore(0)

    class Counting(CommitScheduler):
        def push_to_hub(self) -> CommitInfo | None:
            runs.release()
            return None

    scheduler = Counting(repo_id=name, folder_path=tmp_path, every=0.0001, hf_api=api)
    assert all(runs.acquire(timeout=240) for _ in range(3))
    scheduler.stop()


def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was_found(
    api: HubApi, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = begun(name, tmp_path / "new", api)
    log = tmp_path / "new" / "log.txt"
    log.write_text("one\n")
    begin = Silent.begin

    def append_meanwhile(self: Silent, label: str, total: int | None, *, unit: str = "B") -> object:
        with log.open("a") as out:
            out.write("more\n")
        return begin(self, label, total, unit=unit)

    monkeypatch.setattr(Silent, "begin", append_meanwhile)
    scheduler.trigger().result(60)
    monkeypatch.undo()
    first = api.list_repo_commits(name)[0].commit_id
    with open(api.hf_hub_download(name, "log.txt", revision=first)) as file:
        assert file.read() == "one\n"
    scheduler.__exit__(None, None, None)  # leaving the block commits the remaining files
    assert read(api, name, "log.txt").startswith("one\nmore\n")


def test_a_failure_is_made_good_the_next_time(
    api: HubApi, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entrepot.hf import schedulers

    def fail(*_arguments: object, **_options: object) -> None:
        raise HubUnreachable("http://hub", "away")

    with begun(name, tmp_path / "new", api) as scheduler:
        (tmp_path / "new" / "a.txt").write_text("x")
        with monkeypatch.context() as patch:
            patch.setattr(schedulers, "commit", fail)
            with pytest.raises(HubUnreachable):
                scheduler.trigger().result(60)
        scheduler.trigger().result(60)
    assert read(api, name, "a.txt") == "x"


def test_patterns_select_and_the_history_can_be_squashed(api: HubApi, name: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for path in ("a.txt", "b.tmp", "c.bin"):
        (tmp_path / "new" / path).write_text(path)
    with CommitScheduler(
        repo_id=name,
        folder_path=tmp_path / "new",
        every=NEVER,
        allow_patterns=["a*", "b*"],
        ignore_patterns="*.tmp",
        squash_history=True,
        hf_api=api,
    ) as scheduler:
        scheduler.trigger().result(60)
    assert set(api.list_repo_files(name)) == {".gitattributes", "a.txt"}
    assert len(api.list_repo_commits(name)) == 1


def test_a_stopped_scheduler_uploads_nothing(api: HubApi, name: str, tmp_path: Path) -> None:
    scheduler = begun(name, tmp_path / "new", api)
    scheduler.stop()
    (tmp_path / "new" / "a.txt").write_text("x")
    assert scheduler.trigger().result(60) is None
    assert titles(api, name) == []


def test_the_lock_is_held_only_while_the_folder_is_looked_at(api: HubApi, name: str, tmp_path: Path) -> None:
    scheduler = begun(name, tmp_path / "new", api)
    with scheduler.lock:
        (tmp_path / "new" / "a.txt").write_text("x")
        waiting = scheduler.trigger()
        assert not waiting.done()
    assert waiting.result(60) is not None
    assert not scheduler.lock.locked()
    scheduler.stop()


def test_remaining_files_are_committed_at_exit(
    entrepot_hub: RunningHub, api: HubApi, name: str, tmp_path: Path
) -> None:
    program = (
        "import os, pathlib, sys\n"
        "from entrepot import CommitScheduler\n"
        "folder = pathlib.Path(sys.argv[2])\n"
        "scheduler = CommitScheduler(repo_id=sys.argv[1], folder_path=folder, every=1000)\n"
        "scheduler.last_future and scheduler.last_future.result()\n"
        "for number in range(300):\n"
        "    (folder / f'{number}.txt').write_text('written last')\n"
        "(folder / 'large.bin').write_bytes(os.urandom(200_000))\n"
    )
    environ = {**os.environ, "ENTREPOT_ENDPOINT": entrepot_hub.url, "ENTREPOT_TOKEN": entrepot_hub.token}
    environ["ENTREPOT_HOME"] = str(tmp_path / "home")
    words = [sys.executable, "-c", program, name, str(tmp_path / "new")]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(api.list_repo_files(name)) == 302


def test_bad_arguments_raise_before_anything_is_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidArgument, match="above 0"):
        CommitScheduler(repo_id="a/b", folder_path=tmp_path, every=0)
    with pytest.raises(InvalidArgument, match="is a file"):
        CommitScheduler(repo_id="a/b", folder_path=tmp_path / "file")


def test_a_bad_file_does_not_delay_the_others(
    api: HubApi, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = begun(name, tmp_path / "new", api)
    for number in range(5):
        (tmp_path / "new" / f"{number}.txt").write_text(str(number))
    (tmp_path / "new" / "latest-run").symlink_to("run-gone")
    os.mkfifo(tmp_path / "new" / "pipe")
    (tmp_path / "new" / "bad\nname").write_text("no repository can hold it")
    assert scheduler.trigger().result(60) is not None
    assert set(api.list_repo_files(name)) == {".gitattributes", *(f"{number}.txt" for number in range(5))}
    for word in ("latest-run", "pipe", "bad\nname"):
        assert f"leaves out {word}" in caplog.text
    caplog.clear()
    (tmp_path / "new" / "6.txt").write_text("6")
    assert scheduler.trigger().result(60) is not None
    assert "6.txt" in api.list_repo_files(name)
    assert "leaves out" not in caplog.text  # reported once
    scheduler.stop()


def test_files_that_may_be_secrets_are_left_out_if_requested(api: HubApi, name: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for path in (".env", "a.txt", "b.txt"):
        (tmp_path / "new" / path).write_text("x")
    with CommitScheduler(
        repo_id=name, folder_path=tmp_path / "new", every=NEVER, hf_api=api, allow_secrets=False
    ) as scheduler:
        scheduler.trigger().result(60)
    assert set(api.list_repo_files(name)) == {".gitattributes", "a.txt", "b.txt"}


def test_errors_of_an_overridden_upload_are_logged_and_retried(
    api: HubApi, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = threading.Semaphore(0)

    class Failing(CommitScheduler):
        def push_to_hub(self) -> CommitInfo | None:
            runs.release()
            raise LookupError("mine")

    scheduler = Failing(repo_id=name, folder_path=tmp_path, every=0.0001, hf_api=api)
    assert all(runs.acquire(timeout=240) for _ in range(4))
    scheduler.stop()
    assert "LookupError" in caplog.text
