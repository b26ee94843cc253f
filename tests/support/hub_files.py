"""A file system on a running hub."""

from __future__ import annotations

import itertools

import attrs
from huggingface_hub import CommitOperationAdd, HfApi

from entrepot.client.calls import Call
from entrepot.fs.filesystem import EntrepotFileSystem
from entrepot.testing.hubs import RunningHub

_NUMBERS = itertools.count(1)


@attrs.frozen
class HubFiles:
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
        return bytes(answer)

    def titles(self, repo: str) -> list[str]:
        """Return the titles of all commits except the first two, newest first."""
        return [commit.title for commit in self.api.list_repo_commits(repo)][:-2]


def _content(repo: str, path: str, revision: str) -> Call[bytes]:
    from entrepot.client.calls import files
    from entrepot.hf.base import repo_ref

    return files.content(repo_ref(repo), revision, path)
