"""Buckets in folders of Google Drive: an object is a file whose name is the key.

Drive has neither conditional writes nor unique names. Of several files with one name the oldest counts; a writer
that finds an older one removes its own. :meth:`DriveBucket.replace` looks and then writes.
Source: Google Drive API reference v3, "files" and "Upload file data".
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import google.auth.transport
import google.oauth2.credentials
import google.oauth2.service_account
import httpx2
from google.auth.exceptions import GoogleAuthError, TransportError

from entrepot.errors import BucketMissing, InvalidArgument, LimitExceeded, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.interfaces import Data, ObjectStat, StoredObject
from entrepot.workspace.stores.values import StorageConfig

API = "https://www.googleapis.com"
_SCOPES = ("https://www.googleapis.com/auth/drive",)
_FOLDER = "application/vnd.google-apps.folder"
_FIELDS = "id,name,size,modifiedTime,version"
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_BUSY = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_LONGEST_WAIT_S = 10.0

_File = Mapping[str, Any]


class DriveBucket:
    """A bucket in the folder of Drive that has its name.

    Args:
        home: the user's home folder, for a path that begins with ``~/``.
        retries: how often a request is repeated when Drive is busy or does not answer.
        api: another address than Google's, for tests.
        wait: replaces ``time.sleep`` in tests.
    """

    def __init__(
        self,
        config: StorageConfig,
        home: Path,
        retries: int,
        *,
        api: str = API,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._label = f"credentials in {config.profile}"
        self._retries = retries
        self._api = api
        self._wait = wait
        self._client = httpx2.Client(timeout=_TIMEOUT, follow_redirects=False)
        self._credentials = _read_credentials(config, home)
        self._folder_lock = threading.Lock()
        self._token_lock = threading.Lock()
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
        response = self._send("GET", f"/drive/v3/files/{found[0]['id']}", params={"alt": "media"})
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
        response = self._send("GET", f"/drive/v3/files/{found[0]['id']}", params={"alt": "media"}, headers=headers)
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
        for file in self._search(f"'{self._folder_id()}' in parents and trashed = false"):
            if file["name"].startswith(prefix) and file["name"] not in seen:
                seen.add(file["name"])
                yield _stat(file)

    def delete(self, key: str) -> None:
        """See :class:`Bucket`; deletes every file with the name."""
        for file in self._find(key):
            self._delete(file["id"])

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._client.close()

    def _find(self, key: str) -> Sequence[_File]:
        """Return the files with a name, the oldest first."""
        query = f"name = '{_quoted(key)}' and '{self._folder_id()}' in parents and trashed = false"
        return tuple(self._search(query))

    def _folder_id(self) -> str:
        with self._folder_lock:
            if self._folder is None:
                name = _quoted(self._config.bucket)
                query = f"name = '{name}' and mimeType = '{_FOLDER}' and trashed = false"
                found = next(iter(self._search(query)), None)
                if found is None:
                    raise BucketMissing(self._config.url)
                self._folder = str(found["id"])
            return self._folder

    def _search(self, query: str) -> Iterator[_File]:
        params = {"q": query, "fields": f"nextPageToken,files({_FIELDS})", "orderBy": "createdTime", "pageSize": "1000"}
        while True:
            page = self._send("GET", "/drive/v3/files", params=params).json()
            yield from page.get("files", ())
            token = page.get("nextPageToken")
            if not token:
                return
            params["pageToken"] = token

    def _upload(self, method: str, path: str, metadata: Mapping[str, object], data: Data) -> str:
        headers = {"content-type": "application/json", "x-upload-content-length": str(len(data))}
        content = json.dumps(metadata).encode()
        begun = self._send(method, path, params={"uploadType": "resumable"}, headers=headers, content=content)
        session = begun.headers.get("location", "")
        if not session.startswith(f"{self._api}/"):
            raise StorageUnreachable(self._config.url, "it began no upload")
        done = self._send("PUT", session.removeprefix(self._api), content=bytes(data))
        return str(done.json()["id"])

    def _delete(self, file_id: str) -> None:
        self._send("DELETE", f"/drive/v3/files/{file_id}")

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """Send a request; repeat it while Drive is busy. A response 404 is returned, other failures are raised."""
        attempt = 0
        while True:
            try:
                sent = {**(headers or {}), "authorization": f"Bearer {self._token()}"}
                url = f"{self._api}{path}"
                response = self._client.request(method, url, params=params, headers=sent, content=content)
            except (httpx2.TransportError, TransportError) as error:
                reason = str(error) or type(error).__name__
            else:
                if response.status_code < 300 or response.status_code == 404:
                    return response
                reason = _reason(response)
                is_busy = response.status_code == 429 or response.status_code >= 500 or reason in _BUSY
                if not is_busy:
                    raise self._refused(response.status_code, reason)
            attempt += 1
            if attempt > self._retries:
                raise StorageUnreachable(self._config.url, reason)
            self._wait(min(0.2 * 2**attempt, _LONGEST_WAIT_S))

    def _refused(self, status: int, reason: str) -> StorageRefused | StorageUnreachable:
        if status in (401, 403):
            return StorageRefused(self._config.url, self._label, reason)
        return StorageUnreachable(self._config.url, f"status {status}: {reason}")

    def _token(self) -> str:
        with self._token_lock:
            if not self._credentials.valid:
                try:
                    self._credentials.refresh(_TokenRequest(self._client))
                except TransportError:
                    raise
                except GoogleAuthError as error:
                    raise StorageRefused(self._config.url, self._label, type(error).__name__) from error
            return str(self._credentials.token)


class _TokenResponse(google.auth.transport.Response):
    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content


class _TokenRequest(google.auth.transport.Request):
    """Sends the requests of google-auth with the client of the bucket."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: object,
    ) -> _TokenResponse:
        try:
            return _TokenResponse(self._client.request(method, url, content=body, headers=headers))
        except httpx2.TransportError as error:
            raise TransportError(error) from error


def _read_credentials(
    config: StorageConfig, home: Path
) -> google.oauth2.service_account.Credentials | google.oauth2.credentials.Credentials:
    """Return the credentials in the file that the configuration names: of a service account, or of a user."""
    path = home / config.profile[2:] if config.profile.startswith("~/") else Path(config.profile)
    label = f"credentials in {config.profile}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StorageRefused(config.url, label, "the file does not exist; set credentials-path") from None
    except (OSError, ValueError) as error:
        raise StorageRefused(config.url, label, f"the file cannot be read ({type(error).__name__})") from None
    kind = content.get("type") if isinstance(content, dict) else None
    try:
        if kind == "service_account":
            return google.oauth2.service_account.Credentials.from_service_account_info(content, scopes=_SCOPES)
        if kind == "authorized_user":
            return google.oauth2.credentials.Credentials.from_authorized_user_info(content, scopes=_SCOPES)
    except (ValueError, GoogleAuthError):
        raise StorageRefused(config.url, label, f"the file is not a complete {kind}") from None
    raise InvalidArgument(f"{path} is neither a service account nor an authorized user of Google")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _reason(response: httpx2.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["errors"][0]["reason"])
    except (ValueError, KeyError, IndexError, TypeError):
        return f"status {response.status_code}"


def _stat(file: _File) -> ObjectStat:
    modified = datetime.fromisoformat(file["modifiedTime"]).timestamp()
    return ObjectStat(file["name"], int(file.get("size", 0)), modified)
