from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot import testing

Run = Callable[..., Any]
PART = 5 * 1024 * 1024
ENVIRON = {"PATH": os.environ["PATH"]}


def test_a_clone_is_set_up(run: Run, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "clone"], cwd=tmp_path, check=True)
    done = run("lfs-enable-largefiles", str(tmp_path / "clone"), "--json", environ=ENVIRON)
    assert done.code == 0, done.err
    assert done.json == {"path": str(tmp_path / "clone")}
    config = (tmp_path / "clone/.git/config").read_text()
    assert "lfs-multipart-upload" in config
    assert sys.executable in config


def test_a_folder_that_is_no_clone_is_refused(run: Run, tmp_path: Path) -> None:
    for name in ("", "nowhere"):
        done = run("lfs-enable-largefiles", str(tmp_path / name), environ=ENVIRON)
        assert done.code == 1
        assert "no git clone" in done.err


def test_the_agent_speaks_over_standard_input_and_output() -> None:
    hello = json.dumps({"event": "init", "operation": "upload"}) + "\n" + json.dumps({"event": "terminate"}) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", "lfs-multipart-upload"],
        input=hello,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")


def spaced_python(folder: Path) -> Path:
    """This Python under a path that a shell would split."""
    program = folder / "my programs" / "py"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_git_lfs_pushes_large_and_small_files_with_the_agent(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = os.urandom(2 * PART + 17), b"\0small"
    home = tmp_path / "home"
    home.mkdir()
    with testing.hub(multipart_threshold=PART, part_size=PART) as hub:
        environ = dict(os.environ) | hub.environ() | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
        place = hub.url.removeprefix("http://")
        (home / ".git-credentials").write_text(f"http://any:{hub.token}@{place}\n")

        def git(*arguments: str, cwd: str = "clone") -> str:
            done = subprocess.run(
                ["git", *arguments], cwd=tmp_path / cwd, env=environ, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stderr

        for setting in ("credential.helper=store", "user.name=Ada", "user.email=ada@example.org"):
            git("config", "--global", *setting.split("="), cwd=".")
        git("lfs", "install", cwd=".")
        create = f"import huggingface_hub as h; h.HfApi('{hub.url}', '{hub.token}').create_repo('m')"
        subprocess.run([sys.executable, "-c", create], check=True, env=environ)
        git("clone", "-q", f"{hub.url}/tester/m", "clone", cwd=".")
        monkeypatch.setattr(sys, "executable", str(spaced_python(tmp_path)))
        assert run("lfs-enable-largefiles", str(tmp_path / "clone"), environ=environ).code == 0
        (tmp_path / "clone/large.bin").write_bytes(large)
        (tmp_path / "clone/small.bin").write_bytes(small)
        git("add", ".")
        git("commit", "-q", "-m", "two files")
        assert "lfs-multipart-upload" in git("-c", "alias.traced=!GIT_TRACE=1 git push origin main", "traced")
        git("clone", "-q", f"{hub.url}/tester/m", "again", cwd=".")
    assert (tmp_path / "again/large.bin").read_bytes() == large
    assert (tmp_path / "again/small.bin").read_bytes() == small
