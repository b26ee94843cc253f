"""A move of a hub to another folder is killed at many points: no half of a hub can be opened, and the move goes on."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.errors import DataFolderError
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import commits, contents, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from entrepot.settings import Settings

ROUNDS = 10
REF = RepoRef(RepoType.MODEL, RepoId("alice", "m"))
FILES = {f"{number}.bin": random.Random(number).randbytes(300_000 + number) for number in range(12)}

# Imports once, then forks a process for each round, which kills itself before the given number of
# calls that change a file or a database; 0 lets it finish.
KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from entrepot.hub.context import open_hub
from entrepot.hub.jobs import moves
from entrepot.settings import Settings

def run(left):
    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def counted(call):
        def wrapped(*args, **kwargs):
            count()
            return call(*args, **kwargs)
        return wrapped
    source = open_hub(Settings(data=Path(sys.argv[1])))
    for name in ("open", "replace", "rename", "link", "fsync", "unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    sa.event.listen(sa.Engine, "before_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    moves.move(source, Settings(data=Path(sys.argv[2])))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(int(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[HubContext]:
    hub = open_hub(Settings(data=tmp_path / "old"), fsync=False)
    accounts.create_user(hub, "alice")
    caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    repositories.create(hub, caller, NewRepo(RepoType.MODEL, "m"))
    for path, data in FILES.items():
        commits.create(hub, caller, REF, "main", CommitDraft(path, [AddFile(RepoPath(path), data)]))
    yield hub
    hub.close()


@pytest.mark.timeout(300)
def test_a_move_that_is_killed_leaves_no_hub_and_is_continued(source: HubContext, tmp_path: Path) -> None:
    target, points = tmp_path / "new", random.Random(7)
    command = [sys.executable, "-c", KILLED, str(source.settings.data), str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(ROUNDS + 1):
            # The first rounds end early; the last one is not killed.
            process.stdin.write(f"{points.randrange(1, 60 * (number + 1)) if number < ROUNDS else 0}\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            assert code in (0, -9)
            if (target / "format.json").exists():
                break
            with pytest.raises(DataFolderError):
                open_hub(Settings(data=target)).close()
        process.stdin.close()
        assert process.wait(60) == 0
    check(target)


def check(target: Path) -> None:
    """The copy has everything, byte for byte."""
    hub = open_hub(Settings(data=target), fsync=False)
    try:
        found = maintenance.fsck(hub, checks_content=True, checks_chunks=True)
        assert [finding for finding in found if finding.is_damage] == []
        for path, data in FILES.items():
            located = contents.locate(hub, None, REF, "main", RepoPath(path))
            with contextlib.closing(located.open(hub)) as content:
                assert content.read_at(0, located.size) == data
    finally:
        hub.close()
