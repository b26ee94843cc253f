from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.client.git.git_commands import Credential, Git, origin_of, reason_of
from entrepot.errors import EntrepotError, GitFailed, LimitExceeded, ProgramMissing, SourceMissing

SECRET = "hf_aVerySecretToken"


def git_at(folder: Path, **more: Any) -> Git:
    return Git(folder, {"PATH": os.environ["PATH"], "HOME": str(folder)}, **more)


def test_a_command_gives_its_output(tmp_path: Path) -> None:
    git = git_at(tmp_path)
    git.run("init", "--quiet", "-b", "main")
    (tmp_path / "a b\n.txt").touch()
    (tmp_path / "ü.txt").touch()
    assert git.line("symbolic-ref", "HEAD") == "refs/heads/main"
    assert git.paths("ls-files", "-z", "-o") == ["a b\n.txt", "ü.txt"]
    assert git.line("hash-object", "--stdin") == git.run("hash-object", "--stdin", stdin=b"").decode().strip()


@pytest.mark.parametrize("blank", ["\u2028", "\u00a0", "\x85"])
def test_a_name_that_ends_in_a_blank_is_given_whole(tmp_path: Path, blank: str) -> None:
    git = git_at(tmp_path)
    git.run("init", "--quiet")
    git.run("symbolic-ref", "HEAD", f"refs/heads/a{blank}")
    assert git.line("symbolic-ref", "HEAD") == f"refs/heads/a{blank}"


def test_a_tree_with_more_paths_than_memory_is_not_listed(tmp_path: Path) -> None:
    git = Git(tmp_path, dict(os.environ))
    git.run("init", "-q")
    oid = git.run("hash-object", "-w", "--stdin", stdin=b"x").decode().strip()
    row = f"100644 blob {oid}"
    for _ in range(30):  # 10^30 paths in 31 objects
        rows = "".join(f"{row}\t{name}\n" for name in "abcdefghij")
        row = f"040000 tree {git.run('mktree', stdin=rows.encode()).decode().strip()}"
    tree = row.rpartition(" ")[2]
    with pytest.raises(LimitExceeded):
        git.limited_paths("ls-tree", "-r", "-z", "--name-only", tree, most_bytes=100_000)
    assert git.limited_paths("ls-tree", "-z", "--name-only", tree, most_bytes=100) == [*"abcdefghij"]
    with pytest.raises(GitFailed):
        git.limited_paths("ls-tree", "-z", "0" * 40, most_bytes=100)


def test_a_failure_has_the_message_of_git_and_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="git status failed: fatal: not a git repository") as caught:
        git_at(tmp_path).run("status")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, EntrepotError)


def test_a_missing_program_and_a_missing_folder_raise_different_errors(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="git is not installed"):
        Git(tmp_path, {"PATH": str(tmp_path)}).run("status")
    with pytest.raises(SourceMissing):
        git_at(tmp_path / "nowhere").run("status")


def test_the_error_names_git_lfs(tmp_path: Path) -> None:
    git = git_at(tmp_path)
    git.need_lfs()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(subprocess.run(["which", "git"], capture_output=True, text=True).stdout.strip())
    with pytest.raises(ProgramMissing, match="git-lfs is not installed"):
        attrs.evolve(git, environ={"PATH": str(programs), "HOME": str(tmp_path)}).need_lfs()


def test_the_token_is_given_to_its_origin_only(tmp_path: Path) -> None:
    git = git_at(tmp_path, credential=Credential("https://hub.example.org/prefix/", SECRET))
    (tmp_path / ".gitconfig").write_text("[credential]\n\thelper = store\n")

    def ask(url: str) -> str:
        return git.run("credential", "fill", stdin=f"url={url}\n\n".encode()).decode()

    assert f"password={SECRET}\n" in ask("https://hub.example.org/alice/model.git")
    for stranger in ("https://example.org/x", "http://hub.example.org/x", "https://hub.example.org:8443/x"):
        with pytest.raises(GitFailed):
            ask(stranger)


def test_no_helper_of_the_user_gets_to_keep_the_token(tmp_path: Path) -> None:
    git = git_at(tmp_path, credential=Credential("https://hub.example.org", SECRET))
    (tmp_path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    said = f"protocol=https\nhost=hub.example.org\nusername=user\npassword={SECRET}\n\n".encode()
    git.run("credential", "approve", stdin=said)
    assert not (tmp_path / ".git-credentials").exists()


def test_the_token_appears_in_no_argument_and_no_message(tmp_path: Path) -> None:
    git = git_at(tmp_path, credential=Credential("https://hub.example.org", SECRET))
    assert SECRET not in repr(git)
    with pytest.raises(GitFailed) as caught:
        git.run("clone", f"https://user:{SECRET}@127.0.0.1:9/x", f"{SECRET}")
    assert SECRET not in str(caught.value)
    assert "https://***@host/x" in git.without_secrets("see https://a:b@host/x")


def test_configuration_of_the_environment_is_kept(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Ada",
        "GIT_DIR": "/nowhere",
    }
    git = Git(tmp_path, environ, settings=(("user.email", "ada@example.org"),)).with_environ(GIT_AUTHOR_NAME="Bob")
    assert git.line("config", "user.name") == "Ada"
    assert git.line("config", "user.email") == "ada@example.org"
    assert git.line("var", "GIT_AUTHOR_IDENT").startswith("Bob <ada@example.org>")
    git.run("init", "--quiet")
    assert (tmp_path / ".git").is_dir()


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://a.b/c/d", "https://a.b"), ("http://u:p@h:80/x", "http://h:80"), ("http://[::1]:8/x", "http://[::1]:8")],
)
def test_the_origin_of_a_url_has_no_path_and_no_user(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("fatal: no such thing\nhint: try again\n", "fatal: no such thing"),
        ("remote: You may not write here\nfatal: unable to access", "You may not write here; fatal: unable to access"),
        (
            " ! [rejected] main -> main (fetch first)\nerror: failed",
            "! [rejected] main -> main (fetch first); error: failed (cure: pull first)",
        ),
        ("", "it exited with 3"),
        ("EOF\nerror: failed to push some refs to 'x'\n", "EOF; error: failed to push some refs to 'x'"),
        ("odd\x1b[31m words", "odd [31m words"),
        (
            "fatal: could not read Username for 'x'",
            "fatal: could not read Username for 'x' (cure: log in, or pass a token)",
        ),
    ],
)
def test_a_reason_is_one_line_with_the_remedy(stderr: str, reason: str) -> None:
    assert reason_of(stderr, "", 3) == reason
