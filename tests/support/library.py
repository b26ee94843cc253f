"""Repositories on a running hub, for tests of `client`."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx2

from entrepot.client.cache.caches import cache_root
from entrepot.client.hubs import Hub
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.testing.hubs import RunningHub


@attrs.frozen
class Library:
    """Repositories of ``tester`` on a real hub, and a client with a separate home folder."""

    running: RunningHub
    hub: Hub

    @property
    def cache(self) -> Path:
        """Return the cache folder of this hub."""
        return cache_root(self.hub.paths.cache, self.hub.endpoint)

    def repo(self, files: Mapping[str, bytes] | None = None, kind: RepoType = RepoType.MODEL) -> RepoRef:
        """Create a repository with these files."""
        ref = RepoRef(kind, RepoId("tester", f"r{next(_NUMBERS)}"))
        body = {"name": ref.id.name, "organization": None, "type": kind.value}
        self._post("/api/repos/create", json=body)
        if files:
            self.commit(ref, files)
        return ref

    def commit(self, ref: RepoRef, files: Mapping[str, bytes | None]) -> str:
        """Commit these files, delete those that are None, and return the commit id."""
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "change"}}]
        for path, data in files.items():
            if data is None:
                lines.append({"key": "deletedFile", "value": {"path": path}})
            else:
                text = base64.b64encode(data).decode()
                lines.append({"key": "file", "value": {"path": path, "content": text, "encoding": "base64"}})
        return self._commit(ref, lines)

    def commit_large(self, ref: RepoRef, path: str, data: bytes) -> str:
        """Commit a large file and return the commit id."""
        oid = hashlib.sha256(data).hexdigest()
        wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(data)}]}
        answer = self._post(f"/{ref.path}.git/info/lfs/objects/batch", json=wanted)
        [item] = answer.json()["objects"]
        if "actions" in item:
            action = item["actions"]["upload"]
            assert httpx2.put(action["href"], content=data, headers=action.get("header", {})).status_code == 200
        value = {"path": path, "algo": "sha256", "oid": oid, "size": len(data)}
        return self._commit(ref, [{"key": "header", "value": {"summary": "large"}}, {"key": "lfsFile", "value": value}])

    def offline(self, **changes: Any) -> Hub:
        """Return the same client in offline mode."""
        return Hub(attrs.evolve(self.hub.paths, is_offline=True, **changes), token=self.running.token)

    def _commit(self, ref: RepoRef, lines: list[dict[str, Any]]) -> str:
        body = "\n".join(json.dumps(line) for line in lines)
        oid: str = self._post(f"/api/{ref.type.plural}/{ref.id}/commit/main", content=body).json()["commitOid"]
        return oid

    def _post(self, path: str, **body: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.running.token}"}
        answer = httpx2.post(self.running.url + path, headers=headers, timeout=240, **body)
        assert answer.status_code == 200, answer.text
        return answer


_NUMBERS = itertools.count(1)
