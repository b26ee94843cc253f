from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.client.git.running_commands import CommandInProgress
from entrepot.hf.git.git_queues import CommandQueue


@pytest.fixture
def git(tmp_path: Path) -> Git:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return Git(tmp_path, dict(os.environ))


def test_commands_are_listed_by_their_state(git: Git, caplog: pytest.LogCaptureFixture) -> None:
    queue = CommandQueue()
    assert queue.last_command is None
    os.mkfifo(git.folder / "pipe")
    good = CommandInProgress("status", git, ("status",))
    bad = CommandInProgress("push", git, ("push", "nowhere"))
    slow = CommandInProgress("wait", git, ("-c", "alias.wait=!cat pipe", "wait"))
    queue.command_queue += [good, bad, slow]
    good.wait(30)
    bad.wait(30)
    assert queue.commands_failed == [bad]
    assert queue.commands_in_progress == [slow]
    assert queue.last_command is slow
    (git.folder / "pipe").write_text("")
    with caplog.at_level(logging.ERROR):
        queue.wait_for_commands()
        queue.wait_for_commands()
    assert queue.commands_in_progress == []
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"background command push (PID {bad.pid})"
    ]
