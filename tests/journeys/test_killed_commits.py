"""Two processes commit to one branch, and one is killed at twenty points: no half commit, no lost staged work."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller, Role
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import commits, contents, histories, repositories, staged_changes
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import ROOT, RepoId, RepoPath, RepoRef, RepoType
from entrepot.settings import Settings

ROUNDS = 20
REF = RepoRef(RepoType.MODEL, RepoId("acme", "m"))

# Imports once, then forks a process for each round. The process stages two files and commits them with
# a third one, again and again, until it kills itself before the given number of SQL statements.
KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from entrepot.hub.context import open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, staged_changes
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from entrepot.settings import Settings

ref = RepoRef(RepoType.MODEL, RepoId("acme", "m"))

def run(turn, left):
    def count(*_):
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
    hub = open_hub(Settings(data=Path(sys.argv[1])), fsync=False)
    author = hub.identify(sys.argv[2])
    staged_changes.reset(hub, author, ref, "main", of_all=False)
    sa.event.listen(sa.Engine, "before_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    for number in range(1000):
        name = f"{turn}-{number}"
        two = [AddFile(RepoPath(f"{name}/{half}"), name.encode()) for half in "ab"]
        staged_changes.stage(hub, author, ref, "main", two)
        own = [AddFile(RepoPath(f"{name}/own"), name.encode())]
        commits.create(hub, author, ref, "main", CommitDraft(name, own, staged=StagedPolicy(force=True)))

for line in sys.stdin:
    turn, left = map(int, line.split())
    child = os.fork()
    if child == 0:
        run(turn, left)
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@attrs.frozen
class Setting:
    """A hub with a repository of three writers: one is killed, one commits meanwhile, one has staged work."""

    hub: HubContext
    secret: str
    busy: Caller
    waiting: Caller

    def head_paths(self) -> set[str]:
        page = contents.list_tree(
            self.hub, self.busy, REF, "main", ROOT, is_deep=True, with_commits=False, limit=100_000
        )
        return {item.listed.path for item in page.entries if not item.listed.is_folder}

    def staged(self, who: Caller) -> list[str]:
        page = staged_changes.list_page(self.hub, who, REF, "main", of_all=False, after=0, limit=1000)
        return [row.path for row in page.rows]


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    secrets = {}
    for name in ("killed", "busy", "waiting"):
        accounts.create_user(hub, name)
        secrets[name] = accounts.create_token(hub, name, role="write").secret
    accounts.create_org(hub, "acme", admin="busy")
    for name in ("killed", "waiting"):
        accounts.set_member(hub, "acme", name, Role.WRITE)
    busy, waiting = hub.identify(secrets["busy"]), hub.identify(secrets["waiting"])
    assert busy is not None
    assert waiting is not None
    repositories.create(hub, busy, NewRepo(RepoType.MODEL, "m", "acme", is_empty=True))
    yield Setting(hub, secrets["killed"], busy, waiting)
    hub.close()


@pytest.fixture
def killed(setting: Setting) -> Iterator[Callable[[int, int], int]]:
    """Run one round in another process; return its exit code, negative for a signal."""
    command = [sys.executable, "-c", KILLED, str(setting.hub.settings.data), setting.secret]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, told = process.stdin, process.stdout

        def run(turn: int, statements: int) -> int:
            given.write(f"{turn} {statements}\n")
            given.flush()
            return int(told.readline())

        yield run
        given.close()
        assert process.wait(60) == 0


@pytest.mark.timeout(300)
def test_a_killed_writer_leaves_whole_commits_and_the_staged_work_of_others(
    setting: Setting, killed: Callable[[int, int], int]
) -> None:
    hub, points = setting.hub, random.Random(20)
    work = [AddFile(RepoPath(f"work/{n}"), b"unfinished") for n in range(3)]
    staged_changes.stage(hub, setting.waiting, REF, "main", work)
    done, made, failed = threading.Event(), list[str](), list[BaseException]()

    def commit_meanwhile() -> None:
        while not done.is_set():
            name = f"busy-{len(made)}"
            draft = CommitDraft(name, [AddFile(RepoPath(f"busy/{name}"), b"x")], staged=StagedPolicy(force=False))
            try:
                commits.create(hub, setting.busy, REF, "main", draft)
            except BaseException as error:
                failed.append(error)
                raise
            made.append(name)

    writer = threading.Thread(target=commit_meanwhile)
    writer.start()
    try:
        for turn in range(ROUNDS):
            assert killed(turn, points.randrange(1, 150)) == -9
            check(setting, setting.head_paths())
    finally:
        done.set()
        writer.join(60)
    assert failed == []
    paths = setting.head_paths()
    check(setting, paths)
    assert any(path.endswith("/own") for path in paths)
    assert {path for path in paths if path.startswith("busy/")} == {f"busy/{name}" for name in made}
    assert [finding for finding in maintenance.fsck(hub) if finding.is_damage] == []
    page = histories.history(hub, setting.busy, REF, "main", offset=0, limit=10_000)
    assert len({logged.oid for logged in page.commits}) == page.total
    commits.create(hub, setting.waiting, REF, "main", CommitDraft("work", [], staged=StagedPolicy(force=True)))
    assert {f"work/{n}" for n in range(3)} <= setting.head_paths()


def check(setting: Setting, paths: set[str]) -> None:
    """Every commit of the killed process is whole or absent, and what it had staged is all there or nothing."""
    groups: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.partition("/")
        groups.setdefault(folder, set()).add(name)
    groups.pop("busy", None)
    assert all(names == {"a", "b", "own"} for names in groups.values()), groups
    assert setting.staged(setting.waiting) == ["work/0", "work/1", "work/2"]
    caller = setting.hub.identify(setting.secret)
    assert caller is not None
    left = setting.staged(caller)
    assert left == [] or [path.rpartition("/")[2] for path in left] == ["a", "b"]
    assert not {path.partition("/")[0] for path in left} & set(groups)
