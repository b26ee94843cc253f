"""A running hub with two users, for tests of `server.hf`."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from typing import Any

import attrs
import httpx2
from huggingface_hub import HfApi

from entrepot.hub.context import HubContext
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType

_NUMBERS = itertools.count(1)


@attrs.frozen
class Site:
    """A running hub with the users alice and bob; ``reader`` is a read token of alice."""

    hub: HubContext
    url: str
    alice: str
    reader: str
    bob: str

    def client(self, token: str | None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=240)

    def api(self, token: str | None = None) -> HfApi:
        return HfApi(endpoint=self.url, token=token or self.alice)

    def new_repo(self, kind: RepoType = RepoType.MODEL, *, visibility: str = "public", owner: str = "alice") -> str:
        """Create a repository and return its id."""
        name = f"r{next(_NUMBERS)}"
        caller = self.hub.identify(self.alice if owner == "alice" else self.bob)
        repositories.create(self.hub, caller, NewRepo(kind, name, visibility=visibility))
        return f"{owner}/{name}"


@attrs.frozen
class Committer:
    """Sends commits as lines of JSON."""

    client: httpx2.Client

    def send(self, repo: str, *lines: tuple[str, dict[str, Any]], rev: str = "main", **header: Any) -> httpx2.Response:
        """Send a commit of these (key, value) lines and return the response."""
        first = ("header", {"summary": "change"} | header)
        body = "\n".join(json.dumps({"key": key, "value": value}) for key, value in (first, *lines))
        return self.raw(repo, body.encode(), rev=rev)

    def raw(self, repo: str, body: bytes, *, rev: str = "main") -> httpx2.Response:
        """Send this body to the commit route and return the response."""
        headers = {"Content-Type": "application/x-ndjson"}
        return self.client.post(f"/api/models/{repo}/commit/{rev}", content=body, headers=headers)

    def write(self, repo: str, files: dict[str, bytes], *, rev: str = "main", summary: str = "change") -> str:
        """Commit these files and return the commit id."""
        lines = [
            ("file", {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"})
            for path, data in files.items()
        ]
        answer = self.send(repo, *lines, rev=rev, summary=summary)
        assert answer.status_code == 200, answer.text
        oid: str = answer.json()["commitOid"]
        return oid

    def write_large(self, repo: str, files: dict[str, bytes]) -> dict[str, str]:
        """Upload files through LFS and commit them; return their SHA-256 by path."""
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        objects = [{"oid": digests[path], "size": len(data)} for path, data in files.items()]
        batch = self.client.post(
            f"/{repo}.git/info/lfs/objects/batch",
            json={"operation": "upload", "transfers": ["basic"], "objects": objects},
            headers={"Accept": "application/vnd.git-lfs+json"},
        ).json()
        for item, data in zip(batch["objects"], files.values(), strict=True):
            if "actions" in item:
                assert httpx2.put(item["actions"]["upload"]["href"], content=data).is_success
        lines = [
            ("lfsFile", {"path": path, "algo": "sha256", "oid": digests[path], "size": len(data)})
            for path, data in files.items()
        ]
        answer = self.send(repo, *lines, summary="large")
        assert answer.status_code == 200, answer.text
        return digests
