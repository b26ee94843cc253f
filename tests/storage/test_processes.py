from __future__ import annotations

import os
import pathlib

import pytest

from entrepot.errors import StoreUnavailable
from entrepot.storage import processes


def test_git_reads_no_configuration_of_users_or_the_system(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = somebody\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    processes.run(tmp_path, ["init", "-q", "--bare", "r"])
    listed = processes.run(tmp_path / "r", ["config", "--list"]).decode()
    assert "user.name" not in listed
    assert "safe.directory=*" in listed


def test_the_last_words_of_git_are_the_reason(tmp_path: pathlib.Path) -> None:
    processes.run(tmp_path, ["init", "-q", "--bare", "."])
    with pytest.raises(StoreUnavailable, match="Not a valid object name") as caught:
        processes.run(tmp_path, ["cat-file", "-t", "0" * 40 + "x"])
    assert "fatal" not in caught.value.message


def test_a_missing_git_is_reported(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(StoreUnavailable, match="not installed"):
        processes.run(tmp_path, ["version"])


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (b"", "git failed without a word"),
        (b"warning: x\nerror: bad\nhint: y\n", "bad"),
        (b"something\n\n", "something"),
    ],
)
def test_the_line_that_tells_most_is_chosen(stderr: bytes, words: str) -> None:
    assert processes.last_words(stderr) == words
