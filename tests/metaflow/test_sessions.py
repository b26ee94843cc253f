import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.errors import CannotWrite
from entrepot.metaflow.sessions import CardRow, TaskFacts, close_session, open_session

FACTS = TaskFacts("Train", "17", "start", "1")


def test_decorators_of_one_step_share_a_session_and_the_last_one_ends_it(tmp_path: Path) -> None:
    first = open_session(FACTS)
    second = open_session(FACTS, has_card=True)
    assert first is second
    assert first.has_card
    folder = first.new_folder(str(tmp_path / "made" / "deep"), "demo/bert")
    assert folder.name.startswith("metaflow_hub_demo-bert_")
    assert not close_session(first)
    assert folder.is_dir()
    assert close_session(second)
    assert not folder.exists()
    third = open_session(FACTS)
    assert third is not first
    close_session(third)


def test_attempts_have_sessions_of_their_own() -> None:
    first, second = open_session(FACTS), open_session(TaskFacts("Train", "17", "start", "1", attempt=1))
    assert first is not second
    assert close_session(first)
    assert close_session(second)


def test_repositories_read_and_made_are_named_once() -> None:
    session = open_session(FACTS)
    for key, fetched in (("a", 10), ("a", 0), ("b", None), ("c", 0)):
        session.add(CardRow(key, "http://hub", "main", 1, 1, fetched, 0.1))
    assert (session.read, session.made) == (["a", "c"], ["b"])
    close_session(session)


def test_a_folder_may_end_early_and_one_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    session = open_session(FACTS)
    folder = session.new_folder(None, "x")
    session.remove_folder(folder)
    assert not folder.exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite):
        session.new_folder(str(tmp_path / "file"), "x")
    close_session(session)


def test_folders_end_with_the_process_but_not_with_a_forked_child(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from entrepot.metaflow.sessions import TaskFacts, open_session\n"
        "folder = open_session(TaskFacts('A', '1', 's', '1')).new_folder(sys.argv[1], 'x')\n"
        "pid = os.fork()\n"
        "if pid:\n"
        "    os.waitpid(pid, 0)\n"
        "    print(folder.exists())\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, env=environ, timeout=240
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")
    assert list(tmp_path.iterdir()) == []
