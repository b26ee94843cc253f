"""Pushes interrupted by killing the server or the client: all refs are old or all new, and nothing is lost.

The variable ``KILL_POINTS`` sets how often each test does it, by default 6 times.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from entrepot.testing.hubs import RunningHub
from tests.support.work import seconds_taken

ROUNDS = int(os.environ.get("KILL_POINTS", "6"))
WITH_LFS = shutil.which("git-lfs") is not None
WAIT_S = 240

pytestmark = pytest.mark.timeout(300 + 30 * ROUNDS)


class Author:
    """An author with a clone, who creates new commits and pushes them under new names."""

    def __init__(self, hub: RunningHub, folder: Path) -> None:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("tester/m")
        self.hub = hub
        self.folder = folder
        self.url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/tester/m"
        self.dice = random.Random(7)
        self.names: dict[str, str] = {}
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "*",
            **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        if WITH_LFS:
            self.git("lfs", "install", "--skip-repo", cwd=".")
        self.git("clone", "-q", self.url, "work", cwd=".")

    def start_git(self, *arguments: str, cwd: str = "work") -> subprocess.Popen[str]:
        """Start git in its own process group."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            ["git", *arguments],
            cwd=self.folder / cwd,
            env=self._environ,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def git(self, *arguments: str, cwd: str = "work") -> str:
        running = self.start_git(*arguments, cwd=cwd)
        out, complaint = running.communicate()
        assert running.returncode == 0, complaint
        return out.strip()

    def make(self, number: int) -> Mapping[str, str]:
        """Create files (also large ones), a commit and a tag; return the refs to push with their ids."""
        for n in range(150):
            (self.folder / "work" / f"f{n}").write_bytes(self.dice.randbytes(300))
        if WITH_LFS:
            for n in range(2):
                (self.folder / "work" / f"large{n}.bin").write_bytes(self.dice.randbytes(200_000))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"round {number}")
        self.git("tag", "-a", f"v{number}", "-m", "a tag")
        head, tag = self.git("rev-parse", "HEAD", f"v{number}").split()
        return {f"refs/heads/r{number}": head, f"refs/heads/side/r{number}": head, f"refs/tags/v{number}": tag}

    def push_words(self, refs: Mapping[str, str]) -> list[str]:
        return ["push", "--atomic", "origin", *(f"{oid}:{ref}" for ref, oid in refs.items())]

    def listed(self) -> dict[str, str]:
        """Return the refs of the hub that were pushed by this test."""
        lines = [line.split("\t") for line in self.git("ls-remote", "-q", self.url).splitlines()]
        ours = ("refs/heads/r", "refs/heads/side/", "refs/tags/")
        return {ref: oid for oid, ref in lines if ref.startswith(ours) and not ref.endswith("^{}")}

    def settle(self, refs: Mapping[str, str], *, succeeded: bool) -> bool:
        """Check that a push moved all refs or none, and nothing else; push again. Return whether it had moved them."""
        found = self.listed()
        arrived = found.items() >= refs.items()
        assert arrived or not set(found) & set(refs), "some refs of an atomic push moved, and some did not"
        assert arrived or not succeeded, "git said that it was done"
        assert {ref: oid for ref, oid in found.items() if ref not in refs} == self.names
        self.git(*self.push_words(refs))
        self.names |= refs
        assert self.listed() == self.names
        return arrived

    def check_everything(self) -> None:
        """Check that a fresh clone is complete, with its large files, and that the hub finds no damage."""
        self.git("clone", "-q", "--mirror", self.url, "mirror", cwd=".")
        self.git("fsck", "--strict", "--full", cwd="mirror")
        ours = self.git("rev-list", "--objects", "--all", "--count")
        assert self.git("rev-list", "--objects", "--all", "--count", cwd="mirror") == ours
        if WITH_LFS:
            self.git("lfs", "fetch", "--all", cwd="mirror")
            stored = [path for path in (self.folder / "mirror" / "lfs" / "objects").rglob("*") if path.is_file()]
            assert len(stored) == 2 * len(self.names) // 3
        checks = [sys.executable, "-m", "entrepot", "fsck", "--data", str(self.hub.data)]
        told = subprocess.run(checks, capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.fixture
def author(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> Author:
    return Author(entrepot_fresh_hub, tmp_path)


def moments(author: Author) -> Iterator[float]:
    """Yield one random moment in each of equal slices of the time that a push takes, then ever earlier ones."""
    refs = author.make(0)
    took = seconds_taken(lambda: author.git(*author.push_words(refs)))
    author.settle(refs, succeeded=True)
    yield from (took * (number - author.dice.random()) / ROUNDS for number in range(1, ROUNDS + 1))
    yield from (took / ROUNDS / 2**number for number in range(1, 12))


def test_a_server_killed_at_any_moment_of_a_push_leaves_all_of_it_or_nothing(author: Author) -> None:
    outcomes = list[bool]()
    for number, moment in enumerate(moments(author), start=1):
        if number > ROUNDS and not all(outcomes):
            break
        refs = author.make(number)
        killer = threading.Timer(moment, author.hub.kill)
        pushing = author.start_git(*author.push_words(refs))
        killer.start()
        pushing.communicate()
        killer.join()
        author.hub.start()
        outcomes.append(author.settle(refs, succeeded=pushing.returncode == 0))
    assert not all(outcomes), "the server was always killed too late"
    author.check_everything()


def test_a_client_killed_at_any_moment_of_a_push_leaves_all_of_it_or_nothing(author: Author) -> None:
    outcomes = list[bool]()
    for number, moment in enumerate(moments(author), start=1):
        if number > ROUNDS and not all(outcomes):
            break
        refs = author.make(number)
        pushing = author.start_git(*author.push_words(refs))
        try:
            pushing.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(pushing.pid, signal.SIGKILL)
        pushing.communicate()
        wait_for_quiet(author)
        outcomes.append(author.settle(refs, succeeded=pushing.returncode == 0))
    assert not all(outcomes), "the client was always killed too late"
    assert "Traceback" not in author.hub.log()
    author.check_everything()


def wait_for_quiet(author: Author) -> None:
    """Wait until the hub has finished a push whose client is gone; it keeps nothing of the pack."""
    deadline = time.monotonic() + WAIT_S
    while list((author.hub.data / "cache" / "git").glob(".push-*")):
        assert time.monotonic() < deadline, "the pack of a dead client is kept"
        time.sleep(0.01)
