"""Concurrent clones and pushes against a hub of two server processes: none fails, and no clone sees half a push."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import HfApi

import entrepot.testing
from entrepot.testing.hubs import RunningHub

CLONERS, PUSHERS, PUSHES = 20, 4, 3
PEOPLE = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def hub() -> Iterator[RunningHub]:
    with entrepot.testing.hub(workers=2) as running:
        yield running


def test_clones_and_pushes_of_two_server_processes_get_along(hub: RunningHub, tmp_path: Path) -> None:
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo("tester/m")
    url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/tester/m"
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}

    def git(*arguments: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(["git", *arguments], cwd=cwd, env=base | PEOPLE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(number: int) -> None:
        git("clone", "-q", "--mirror", url, f"c{number}")
        git("fsck", "--strict", "--connectivity-only", cwd=tmp_path / f"c{number}")
        # One push moves both of its branches or none: no clone sees them at different commits.
        heads = dict(
            line.split()[::-1] for line in git("show-ref", "--heads", cwd=tmp_path / f"c{number}").splitlines()
        )
        pairs = [(heads.get(f"refs/heads/a{n}"), heads.get(f"refs/heads/b{n}")) for n in range(PUSHERS)]
        assert all(one == two for one, two in pairs)

    def push(number: int) -> str:
        work = tmp_path / f"p{number}"
        git("clone", "-q", url, work.name)
        for n in range(PUSHES):
            (work / f"file{number}").write_bytes(os.urandom(1000))
            git("add", "-A", cwd=work)
            git("commit", "-q", "-m", str(n), cwd=work)
            git(
                "push", "-q", "--atomic", "origin", f"HEAD:refs/heads/a{number}", f"HEAD:refs/heads/b{number}", cwd=work
            )
        return git("rev-parse", "HEAD", cwd=work)

    with ThreadPoolExecutor(CLONERS + PUSHERS) as pool:
        pushing = [pool.submit(push, number) for number in range(PUSHERS)]
        cloning = [pool.submit(clone, number) for number in range(CLONERS)]
        for done in cloning:
            done.result()
        heads = {f"a{number}": done.result() for number, done in enumerate(pushing)}
    listed = {branch.name: branch.target_commit for branch in api.list_repo_refs("tester/m").branches}
    assert heads.items() <= listed.items()
