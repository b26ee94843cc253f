"""A file system on a real hub, and a second client that reads the state of the hub."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from entrepot.fs.filesystem import EntrepotFileSystem
from entrepot.testing.hubs import RunningHub

_NUMBERS = itertools.count(1)


@attrs.frozen
class Desk:
    """A file system of the user ``tester``, and repositories for it."""

    running: RunningHub
    fs: EntrepotFileSystem
    api: HfApi

    def repo(self, files: dict[str, bytes] | None = None, repo_type: str = "model") -> str:
        """Create a repository with these files and return its id."""
        repo = f"tester/fs-{next(_NUMBERS)}"
        self.api.create_repo(repo, repo_type=repo_type)
        if files:
            operations = [CommitOperationAdd(path, data) for path, data in files.items()]
            self.api.create_commit(repo, operations, commit_message="write", repo_type=repo_type)
        return repo

    def content(self, repo: str, path: str, revision: str = "main") -> bytes:
        """Return the content of a file on the hub."""
        answer = self.fs.hub.transport.send(_content(repo, path, revision))
        assert isinstance(answer, bytes)
        return answer

    def titles(self, repo: str) -> list[str]:
        """Return the titles of all commits except the first two, newest first."""
        return [commit.title for commit in self.api.list_repo_commits(repo)][:-2]


def _content(repo: str, path: str, revision: str) -> object:
    from entrepot.client.calls import files
    from entrepot.hf.base import repo_ref

    return files.content(repo_ref(repo), revision, path)


@pytest.fixture
def desk(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    fs = EntrepotFileSystem(entrepot_hub.url, entrepot_hub.token, skip_instance_cache=True)
    return Desk(entrepot_hub, fs, HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the paths of all requests that this process sends.

    The server's log is no substitute, because it may be written later.
    """
    paths: list[str] = []
    send = httpx2.Client.send

    def noted(client: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        paths.append(request.url.path)
        return send(client, request, **options)

    monkeypatch.setattr(httpx2.Client, "send", noted)
    return paths
