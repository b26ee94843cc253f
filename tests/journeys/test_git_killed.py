"""The server is killed while people push: every ref is the old or the new one, with all that it leads to."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

from huggingface_hub import HfApi

from entrepot.testing.hubs import RunningHub

ROUNDS = 6


def test_a_killed_server_leaves_no_half_pushed_ref(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    hub = entrepot_fresh_hub
    HfApi(endpoint=hub.url, token=hub.token).create_repo("tester/m")
    url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/tester/m"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_PROXY": "*",
        **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def git(*arguments: str, cwd: Path = tmp_path / "work") -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *arguments], cwd=cwd, env=environ, capture_output=True, text=True)

    assert git("clone", "-q", url, "work", cwd=tmp_path).returncode == 0
    dice = random.Random(7)
    survived: dict[str, str] = {}
    for number in range(ROUNDS):
        for n in range(300):
            (tmp_path / "work" / f"f{n}").write_bytes(dice.randbytes(300))
        git("add", "-A")
        git("commit", "-q", "-m", f"round {number}")
        head = git("rev-parse", "HEAD").stdout.strip()
        killer = threading.Timer(dice.uniform(0.02, 0.35), hub.kill)
        killer.start()
        branches = [f"HEAD:refs/heads/r{number}-{b}" for b in "ab"]
        pushed = git("push", "--atomic", "origin", *branches)
        killer.join()
        hub.start()
        listed = git("ls-remote", url).stdout
        here = [f"refs/heads/r{number}-{b}" in listed for b in "ab"]
        assert here[0] == here[1]
        if pushed.returncode == 0:
            assert all(here)
        if all(here):
            survived[f"r{number}-a"] = head
    assert git("clone", "-q", "--mirror", url, "mirror", cwd=tmp_path).returncode == 0
    checked = git("fsck", "--strict", "--full", cwd=tmp_path / "mirror")
    assert checked.returncode == 0, checked.stderr
    for branch, head in survived.items():
        assert git("rev-parse", branch, cwd=tmp_path / "mirror").stdout.strip() == head
    checks = [sys.executable, "-m", "entrepot", "fsck", "--data", str(hub.data)]
    told = subprocess.run(checks, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
