"""A hub behind a real server, for tests of `server`."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import httpx2

from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs
from entrepot.hub.files.operations import AddFile, AddLarge
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType, Sha256, parse_path


@attrs.frozen
class ServedHub:
    """A hub behind a real server: ``alice`` writes, ``alice_reads`` may only read, ``bob`` is a stranger."""

    hub: HubContext
    url: str
    alice: str
    alice_reads: str
    bob: str

    def client(self, token: str | None = None, **headers: str) -> httpx2.Client:
        auth = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=auth | headers, trust_env=False, timeout=240)

    def caller(self) -> Caller:
        found = self.hub.identify(self.alice)
        assert found is not None
        return found

    def repo(self, name: str, kind: str = "model", **options: Any) -> RepoRef:
        """Create a repository of alice."""
        new = NewRepo(RepoType(kind), name, "alice", **options)
        return repositories.create(self.hub, self.caller(), new).ref

    def commit(self, ref: RepoRef, files: dict[str, bytes], revision: str = "main") -> str:
        """Commit regular files and return the commit id."""
        operations = [AddFile(parse_path(path), data) for path, data in files.items()]
        return commits.create(self.hub, self.caller(), ref, revision, CommitDraft("add", operations)).oid

    def store(self, ref: RepoRef, data: bytes) -> str:
        """Store the content of a large file without HTTP and return its SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        wanted = [lfs.RequestedObject(Sha256(sha256), len(data))]
        [answer] = lfs.plan_uploads(self.hub, self.caller(), ref, wanted, takes_parts=False)
        if answer.link is not None:
            receiving = lfs.receive(self.hub, sha256, answer.link.query)
            receiving.write(data)
            receiving.finish()
        return sha256

    def commit_large(self, ref: RepoRef, path: str, data: bytes) -> str:
        """Commit a large file and return the commit id."""
        operation = AddLarge(parse_path(path), Sha256(self.store(ref, data)), len(data))
        return commits.create(self.hub, self.caller(), ref, "main", CommitDraft("add", [operation])).oid

    def blobs(self) -> list[str]:
        """Return all files in the blob folder, including unfinished ones."""
        return sorted(str(path) for path in (self.hub.settings.data / "blobs").rglob("*") if path.is_file())
