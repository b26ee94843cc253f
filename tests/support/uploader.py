"""A running hub, a client of it, and a folder to upload from."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import attrs

from entrepot.client.calls import files, refs, repos, trees
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.testing.hubs import RunningHub


@attrs.frozen
class Uploader:
    """A running hub, a client of it, and a folder to upload from."""

    server: RunningHub
    hub: Hub
    folder: Path

    def repo(self, kind: RepoType = RepoType.MODEL) -> RepoRef:
        """Create a repository."""
        made = RepoRef(kind, parse_repo_id(f"tester/uploads-{next(_NUMBERS)}-{os.getpid()}"))
        self.hub.send(repos.create(made))
        return made

    def through(self, url: str, **variables: str) -> Hub:
        """Return a client that uses another address of the hub, with an empty cache."""
        home = self.folder.parent / f"home-{next(_NUMBERS)}"
        given = {"ENTREPOT_ENDPOINT": url, "ENTREPOT_TOKEN": self.server.token, "ENTREPOT_HOME": str(home)}
        return Hub(read_paths(given | variables))

    def listing(self, ref: RepoRef, revision: str = "main") -> dict[str, int]:
        """Return paths and sizes of all files except ``.gitattributes``."""
        entries = self.hub.pages(trees.page(ref, revision, recursive=True))
        return {item.path: item.size for item in entries if item.type == "file" and item.path != ".gitattributes"}

    def content(self, ref: RepoRef, path: str, revision: str = "main") -> bytes:
        return self.hub.send(files.content(ref, revision, path))

    def commits(self, ref: RepoRef, revision: str = "main") -> list[str]:
        """Return the titles of all commits except the first, newest first."""
        return [entry.title for entry in self.hub.pages(refs.log(ref, revision))][:-1]

    def write(self, **contents: bytes | str) -> Path:
        """Write files to the folder and return it; ``__`` in a name stands for ``/``."""
        for name, content in contents.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.folder


_NUMBERS = itertools.count(1)
