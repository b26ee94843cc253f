"""Quota errors in git-lfs and each version of the Python client."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from entrepot.hub.accounts import quotas
from entrepot.hub.context import open_hub
from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]
REASON = "the quota of the namespace tester is exceeded: limit 100,000 bytes"


@pytest.fixture
def repo(entrepot_fresh_hub: RunningHub) -> str:
    """A repository in a namespace with a quota of 100,000 bytes."""
    hub = entrepot_fresh_hub
    made: str = HfApi(endpoint=hub.url, token=hub.token).create_repo("tester/m").repo_id
    opened = open_hub(hub.settings)
    quotas.change(opened, "tester", {"max_bytes": 100_000})
    opened.close()
    return made


@pytest.mark.parametrize("version", ["0.21.4", "2.4.0"])
@pytest.mark.parametrize("with_xet", [False, True])
def test_each_generation_tells_the_reason(run_client: Run, repo: str, version: str, *, with_xet: bool) -> None:
    seen = run_client(version, "quota_journey.py", version, repo, with_xet=with_xet)
    assert set(seen) == {"regular", "large"}
    for reason in seen.values():
        assert REASON in reason


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_git_lfs_tells_the_reason(entrepot_fresh_hub: RunningHub, repo: str, tmp_path: Path) -> None:
    hub = entrepot_fresh_hub
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", "NO_PROXY": "*"}

    def git(*args: str) -> subprocess.CompletedProcess[str]:
        names = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *names, *args], cwd=tmp_path, env=environ, capture_output=True, text=True)

    assert git("clone", f"{hub.url.replace('://', f'://any:{hub.token}@')}/{repo}", ".").returncode == 0
    git("lfs", "install", "--local")
    (tmp_path / "w.bin").write_bytes(os.urandom(200_000))
    git("add", ".")
    git("commit", "-m", "large")
    pushed = git("push", "origin", "HEAD:main")
    assert pushed.returncode != 0
    assert REASON in pushed.stderr
