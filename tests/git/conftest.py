from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Git = Callable[..., bytes]


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository with a work tree, independent of the machine's git configuration."""
    folder = tmp_path_factory.mktemp("git-oracle")
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True, env=environment())
    return folder


@pytest.fixture(scope="session")
def git(bare: Path) -> Git:
    """Return a function that runs C git in that repository: ``git(*arguments, given=b"", expected=(0,))``."""

    def run(*arguments: str, given: bytes = b"", expected: tuple[int, ...] = (0,)) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=bare, input=given, capture_output=True, env=environment())
        assert done.returncode in expected, done.stderr
        return done.stdout

    return run


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada Lovelace",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": "1700000000 +0530",
        "GIT_COMMITTER_NAME": "Grace Hopper",
        "GIT_COMMITTER_EMAIL": "grace@example.org",
        "GIT_COMMITTER_DATE": "1700000001 -0800",
        "HOME": os.devnull,
    }
