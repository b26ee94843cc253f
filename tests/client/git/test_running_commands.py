from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from entrepot.client.git.running_commands import CommandInProgress
from entrepot.errors import GitFailed
from tests.support.git_remote import GitRemote


def blocked(desk: Any) -> tuple[CommandInProgress, Any]:
    """A command that runs until its folder's pipe is written to."""
    import os

    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    git = desk.git("first")
    command = CommandInProgress("wait", git, ("-c", f"alias.wait=!cat {pipe}", "wait"))
    return command, pipe


def test_a_command_runs_until_it_is_done(git_remote: GitRemote) -> None:
    command, pipe = blocked(git_remote)
    assert (command.status, command.is_done, command.failed) == (-1, False, False)
    assert "running" in repr(command)
    assert command.wait(0) == -1
    pipe.write_text("hello" * 100_000)  # more than the buffer of a pipe
    assert command.wait(30) == 0
    assert command.is_done
    assert command.stdout == "hello" * 100_000
    assert "status code: 0, finished" in repr(command)


def test_a_failed_command_keeps_its_code_and_message(git_remote: GitRemote) -> None:
    command = CommandInProgress("push", git_remote.git("first"), ("push", "nowhere", "main"))
    assert command.wait(30) == 128
    assert command.failed
    assert "nowhere" in command.stderr
    assert str(command.error).startswith("git push failed: ")


@pytest.mark.parametrize(("signal", "status"), [("-9", -9), ("-15", -15)])
def test_a_killed_command_has_failed(git_remote: GitRemote, signal: str, status: int) -> None:
    command, pipe = blocked(git_remote)
    with pipe.open("w"):  # opens when the process of the alias reads, and then ends it
        subprocess.run(["kill", signal, str(command.pid)], check=True)
    assert command.wait(30) == status
    assert (command.is_done, command.failed) == (True, True)
    assert str(command.error).startswith("git -c failed: ")


def test_the_post_method_runs_before_the_command_is_done(git_remote: GitRemote) -> None:
    seen: list[int] = []
    gate = threading.Event()

    def follow() -> None:
        gate.wait(30)
        seen.append(command.status)

    command = CommandInProgress("status", git_remote.git("first"), ("status",), follow)
    gate.set()
    command.wait(30)
    assert seen == [-1]

    def fail() -> None:
        raise GitFailed("lfs prune", "no")

    failed = CommandInProgress("status", git_remote.git("first"), ("status",), fail)
    assert failed.wait(30) == 1
    assert str(failed.error) == "git lfs prune failed: no"


def test_a_script_ends_only_when_its_commands_have(git_remote: GitRemote) -> None:
    done = git_remote.folder / "done"
    script = f"""
import os
from pathlib import Path
from entrepot.client.git.git_commands import Git
from entrepot.client.git.running_commands import CommandInProgress
git = Git(Path({str(git_remote.folder / "first")!r}), dict(os.environ))
CommandInProgress("x", git, ("-c", "alias.x=!git status >/dev/null && touch {done}", "x"))
raise SystemExit("an error of the script")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert ended.returncode == 1
    assert done.exists()
