"""Requests to Google Drive: with the credentials of a file, repeated while Drive is busy.

Source: Google Drive API reference v3, "files" and "Resolve errors".
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import google.auth.transport
import google.oauth2.credentials
import google.oauth2.service_account
import httpx2
from google.auth.exceptions import GoogleAuthError, TransportError

from entrepot.errors import InvalidArgument, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.values import StorageConfig

API = "https://www.googleapis.com"
FOLDER = "application/vnd.google-apps.folder"
"""The type of a folder, which is a file to Drive."""

_SCOPES = ("https://www.googleapis.com/auth/drive",)
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_BUSY = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_LONGEST_WAIT_S = 10.0


class DriveClient:
    """Sends requests to Drive; safe to use from several threads.

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
        self.api = api
        self._wait = wait
        self._client = httpx2.Client(timeout=_TIMEOUT, follow_redirects=False)
        self._credentials = _read_credentials(config, home)
        self._token_lock = threading.Lock()

    def search(self, query: str, fields: str) -> Iterator[Mapping[str, Any]]:
        """Yield the files that a query finds, the oldest first, with these fields."""
        params = {"q": query, "fields": f"nextPageToken,files({fields})", "orderBy": "createdTime", "pageSize": "1000"}
        while True:
            page = self.send("GET", "/drive/v3/files", params=params).json()
            yield from page.get("files", ())
            token = page.get("nextPageToken")
            if not token:
                return
            params["pageToken"] = token

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """Return the response to a request, even if its status is 404; repeat the request while Drive is busy.

        Raises:
            StorageRefused: the credentials are refused, or may not do this.
            StorageUnreachable: Drive does not answer, or fails.
        """
        attempt = 0
        while True:
            try:
                sent = {**(headers or {}), "authorization": f"Bearer {self._token()}"}
                url = f"{self.api}{path}"
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

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._client.close()


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


def _reason(response: httpx2.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["errors"][0]["reason"])
    except (ValueError, KeyError, IndexError, TypeError):
        return f"status {response.status_code}"
