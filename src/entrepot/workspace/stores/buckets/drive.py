"""Buckets in folders of Google Drive: an object is a file whose name is the key.

Drive has neither conditional writes nor unique names. Of several files with one name the oldest counts; a writer
that finds an older one removes its own. :meth:`DriveBucket.replace` looks and then writes.
Source: Google Drive API reference v3, "files" and "Upload file data".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from entrepot.errors import BucketMissing, LimitExceeded, StorageUnreachable
from entrepot.workspace.stores.buckets.drive_calls import FOLDER, DriveClient
from entrepot.workspace.stores.buckets.interfaces import Data, ObjectStat, StoredObject
from entrepot.workspace.stores.values import StorageConfig

_FIELDS = "id,name,size,modifiedTime,version"

_File = Mapping[str, Any]


class DriveBucket:
    """A bucket in the folder of Drive that has its name; closing it closes the client."""

    def __init__(self, config: StorageConfig, client: DriveClient) -> None:
        self._config = config
        self._calls = client
        self._folder_lock = threading.Lock()
        self._folder: str | None = None

    def put_new(self, key: str, data: Data) -> bool:
        """See :class:`Bucket`."""
        if self._find(key):
            return False
        made = self._upload("POST", "/upload/drive/v3/files", {"name": key, "parents": [self._folder_id()]}, data)
        oldest = self._find(key)
        if oldest and oldest[0]["id"] != made:
            self._delete(made)
            return False
        return True

    def replace(self, key: str, data: Data, version: str) -> bool:
        """See :class:`Bucket`; not one step."""
        found = self._find(key)
        if not found or str(found[0]["version"]) != version:
            return False
        self._upload("PATCH", f"/upload/drive/v3/files/{found[0]['id']}", {}, data)
        return True

    def get(self, key: str, limit: int) -> StoredObject | None:
        """See :class:`Bucket`."""
        found = self._find(key)
        if not found:
            return None
        if int(found[0].get("size", 0)) > limit:
            raise LimitExceeded(f"the object {key}", limit, "another program may have written it")
        response = self._calls.send("GET", f"/drive/v3/files/{found[0]['id']}", params={"alt": "media"})
        return None if response.status_code == 404 else StoredObject(response.content, str(found[0]["version"]))

    def read(self, key: str, start: int, end: int) -> Data | None:
        """See :class:`Bucket`."""
        found = self._find(key)
        if not found:
            return None
        end = min(end, int(found[0].get("size", 0)))
        if start >= end:
            return b""
        headers = {"range": f"bytes={start}-{end - 1}"}
        response = self._calls.send(
            "GET", f"/drive/v3/files/{found[0]['id']}", params={"alt": "media"}, headers=headers
        )
        if response.status_code == 404:
            return None
        return response.content if response.status_code == 206 else response.content[start:end]

    def stat(self, key: str) -> ObjectStat | None:
        """See :class:`Bucket`."""
        found = self._find(key)
        return _stat(found[0]) if found else None

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See :class:`Bucket`; Drive lists the whole folder."""
        seen: set[str] = set()
        query = f"'{self._folder_id()}' in parents and mimeType != '{FOLDER}' and trashed = false"
        for file in self._calls.search(query, _FIELDS):
            if file["name"].startswith(prefix) and file["name"] not in seen:
                seen.add(file["name"])
                yield _stat(file)

    def delete(self, key: str) -> None:
        """See :class:`Bucket`; deletes every file with the name."""
        for file in self._find(key):
            self._delete(file["id"])

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._calls.close()

    def _find(self, key: str) -> Sequence[_File]:
        """Return the files with a name, the oldest first."""
        query = f"name = '{_quoted(key)}' and '{self._folder_id()}' in parents and trashed = false"
        return tuple(self._calls.search(query, _FIELDS))

    def _folder_id(self) -> str:
        with self._folder_lock:
            if self._folder is None:
                name = _quoted(self._config.bucket)
                query = f"name = '{name}' and mimeType = '{FOLDER}' and trashed = false"
                found = next(iter(self._calls.search(query, _FIELDS)), None)
                if found is None:
                    raise BucketMissing(self._config.url)
                self._folder = str(found["id"])
            return self._folder

    def _upload(self, method: str, path: str, metadata: Mapping[str, object], data: Data) -> str:
        headers = {"content-type": "application/json", "x-upload-content-length": str(len(data))}
        content = json.dumps(metadata).encode()
        begun = self._calls.send(method, path, params={"uploadType": "resumable"}, headers=headers, content=content)
        session = begun.headers.get("location", "")
        if not session.startswith(f"{self._calls.api}/"):
            raise StorageUnreachable(self._config.url, "it began no upload")
        done = self._calls.send("PUT", session.removeprefix(self._calls.api), content=bytes(data))
        return str(done.json()["id"])

    def _delete(self, file_id: str) -> None:
        self._calls.send("DELETE", f"/drive/v3/files/{file_id}")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _stat(file: _File) -> ObjectStat:
    modified = datetime.fromisoformat(file["modifiedTime"]).timestamp()
    return ObjectStat(file["name"], int(file.get("size", 0)), modified)
