import subprocess
from pathlib import Path

import pytest

from entrepot.errors import ConfigError
from entrepot.workspace.metadata.secure_git import check_identity, secure_git


def test_variables_of_the_caller_do_not_reach_git(tmp_path: Path) -> None:
    git = secure_git(tmp_path, {"GIT_DIR": "/x", "GIT_PROXY_COMMAND": "x", "GIT_AUTHOR_NAME": "a", "HOME": "/h"})
    assert dict(git.environ) == {
        "GIT_AUTHOR_NAME": "a",
        "HOME": "/h",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }


def test_hooks_do_not_run(tmp_path: Path) -> None:
    git = secure_git(tmp_path, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    git.run("init", "-q")
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (tmp_path / "f").write_text("x")
    git.run("add", "f")
    named = secure_git(
        tmp_path,
        {**git.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b"}
        | {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"},
    )
    named.run("commit", "-qm", "x")
    assert not (tmp_path / "ran").exists()
    assert subprocess.run(["git", "log", "--oneline"], cwd=tmp_path, capture_output=True, text=True).stdout


def test_an_author_must_be_known(tmp_path: Path) -> None:
    git = secure_git(tmp_path, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"})
    git.run("init", "-q")
    with pytest.raises(ConfigError, match="git config --global user"):
        check_identity(git)
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = ann\n\temail = a@b\n")
    assert check_identity(git).startswith("ann <a@b> ")
