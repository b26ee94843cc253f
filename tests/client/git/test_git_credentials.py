from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.git.git_credentials import forget, remember
from entrepot.errors import GitFailed, ProgramMissing

HUB = "http://hub.example:8080"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which git stores credentials, with a separate home folder."""
    (tmp_path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / ".git-credentials"


def test_git_stores_and_erases_a_token(kept: Path) -> None:
    remember(HUB, "ann", "secret-word")
    assert kept.read_text() == "http://ann:secret-word@hub.example%3a8080\n"
    forget(HUB)
    assert kept.read_text() == ""


def test_a_line_ending_cannot_inject_another_host(kept: Path) -> None:
    with pytest.raises(GitFailed):
        remember(HUB, "ann\nhost=evil.example", "secret-word")
    assert not kept.exists()


def test_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="git"):
        remember(HUB, "ann", "secret-word")
    forget(HUB)
