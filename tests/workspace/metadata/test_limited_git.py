from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.errors import GitFailed
from entrepot.workspace.configuration.transfer_limits import TransferLimits
from entrepot.workspace.metadata.secure_git import secure_git

_FLOOD = """
import sys, time
command = sys.argv[-1].replace("'", "").split()
import subprocess
served = subprocess.Popen(command, stdin=sys.stdin, stdout=subprocess.PIPE)
while piece := served.stdout.read1(1 << 12):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    time.sleep(0.01)
"""
"""Stands for ssh: it passes on what the remote sends, but slowly, so that the pack is seen while it grows."""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A repository with a file of 20 MB that cannot be compressed."""
    folder = tmp_path / "remote"
    folder.mkdir()
    (folder / "f").write_bytes(os.urandom(20_000_000))
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "f"), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def git_with(tmp_path: Path, limits: TransferLimits, **environ: str) -> Git:
    folder = tmp_path / "here"
    folder.mkdir()
    git = secure_git(folder, {**os.environ, **environ}, limits)
    git.run("init", "-q")
    return git


def test_a_flood_is_ended_and_removed(tmp_path: Path, remote: Path) -> None:
    program = tmp_path / "flood.py"
    program.write_text(_FLOOD)
    git = git_with(tmp_path, TransferLimits(size_limit=100_000), GIT_SSH_COMMAND=f"{sys.executable} {program}")
    with pytest.raises(GitFailed, match=r"sends more than 100,000 bytes.*git_size_limit"):
        git.run("fetch", "--quiet", f"ssh://host{remote}")
    assert [file for file in (git.folder / ".git/objects").rglob("*") if file.is_file()] == []


def test_a_remote_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"git://127.0.0.1:{server.getsockname()[1]}/x"
        git = git_with(tmp_path, TransferLimits(idle_limit=1))
        with pytest.raises(GitFailed, match="git_idle_limit"):
            git.run("fetch", "--quiet", url)


def test_a_command_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"git://127.0.0.1:{server.getsockname()[1]}/x"
        git = git_with(tmp_path, TransferLimits(time_limit=1))
        with pytest.raises(GitFailed, match="git_time_limit"):
            git.run("ls-remote", url)


def test_within_limits_nothing_is_different(tmp_path: Path, remote: Path) -> None:
    git = git_with(tmp_path, TransferLimits())
    git.run("fetch", "--quiet", str(remote), "HEAD")
    assert len(git.line("rev-parse", "FETCH_HEAD")) == 40
    assert git.attempt("rev-parse", "--verify", "nothing").code != 0
    with pytest.raises(GitFailed) as caught:
        git.run("fetch", "--quiet", str(tmp_path / "none"))
    assert "does not appear to be a git repository" in str(caught.value)
    assert "Counting" not in str(caught.value)


def test_a_folder_that_looks_like_a_repository_is_not_one(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    assert secure_git(tmp_path / "bare", os.environ).attempt("rev-parse", "--git-dir").code != 0
