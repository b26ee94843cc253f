"""A fake of Google Drive: the few calls that a bucket makes, as the API reference describes them.

It is not a recording of the real service, and cannot show what the reference does not say.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from entrepot.workspace.stores import StorageConfig
from entrepot.workspace.stores.buckets.drive import DriveBucket
from entrepot.workspace.stores.buckets.drive_calls import DriveClient

FOLDER = "application/vnd.google-apps.folder"


@attrs.define
class FakeDrive:
    """Files by id, in the order of their creation, and what the next requests are answered with instead."""

    url: str
    credentials: Path
    files: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    sessions: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    failures: list[tuple[int, str]] = attrs.field(factory=list)
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def config(self, bucket: str = "data") -> StorageConfig:
        """Return the configuration of a folder."""
        return StorageConfig("gdriveh", bucket, profile=str(self.credentials))

    def bucket(self, name: str = "data", retries: int = 1) -> DriveBucket:
        """Return the bucket in a folder."""
        config = self.config(name)
        return DriveBucket(config, DriveClient(config, Path("/"), retries, api=self.url, wait=lambda seconds: None))

    def add(self, name: str, data: bytes, **fields: object) -> dict[str, Any]:
        """Create a file."""
        number = f"id{len(self.files)}"
        file = {"id": number, "name": name, "data": data, "version": 1, "parents": [], "mimeType": "x", **fields}
        self.files[number] = file
        return file

    def search(self, query: str) -> list[dict[str, Any]]:
        """Return the files that a query finds."""
        name = re.search(r"name = '((?:[^'\\]|\\.)*)'", query)
        parent, kind = re.search(r"'(\w+)' in parents", query), re.search(r"mimeType = '([^']+)'", query)
        return [
            file
            for file in self.files.values()
            if (name is None or file["name"] == re.sub(r"\\(.)", r"\1", name[1]))
            and (parent is None or parent[1] in file["parents"])
            and (kind is None or file["mimeType"] == kind[1])
        ]


class _Handler(BaseHTTPRequestHandler):
    drive: FakeDrive
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # the server looks for a method with the name of the verb
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with self.drive.lock:
            if url.path == "/token":
                self._answer(200, {"access_token": "secret-token", "expires_in": 3600, "token_type": "Bearer"})
            elif self.headers.get("authorization") != "Bearer secret-token":
                self._fail(401, "authError")
            elif self.drive.failures:
                self._fail(*self.drive.failures.pop(0))
            elif url.path.startswith("/upload/"):
                self._upload(url.path, query, body)
            elif url.path == "/drive/v3/files":
                self._list(query)
            else:
                self._file(url.path.rpartition("/")[2], query)

    def _list(self, query: dict[str, str]) -> None:
        found, start = self.drive.search(query["q"]), int(query.get("pageToken", 0))
        page: dict[str, Any] = {"files": [_described(file) for file in found[start : start + 2]]}
        if len(found) > start + 2:
            page["nextPageToken"] = str(start + 2)
        self._answer(200, page)

    def _file(self, number: str, query: dict[str, str]) -> None:
        file = self.drive.files.get(number)
        if file is None:
            self._fail(404, "notFound")
        elif self.command == "DELETE":
            del self.drive.files[number]
            self._answer(204, None)
        elif query.get("alt") == "media":
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
            data = file["data"][int(found[1]) : int(found[2]) + 1] if found else file["data"]
            self._answer(206 if found else 200, data)
        else:
            self._answer(200, _described(file))

    def _upload(self, path: str, query: dict[str, str], body: bytes) -> None:
        if self.command != "PUT":
            session = f"s{len(self.drive.sessions)}"
            number = path.rpartition("/")[2]
            self.drive.sessions[session] = {**json.loads(body), **({"id": number} if self.command == "PATCH" else {})}
            self._answer(200, {}, location=f"{self.drive.url}/upload/session/{session}")
            return
        metadata = self.drive.sessions.pop(path.rpartition("/")[2])
        if "id" in metadata:
            file = self.drive.files[metadata["id"]]
            file.update(data=body, version=file["version"] + 1)
        else:
            file = self.drive.add(metadata["name"], body, parents=metadata["parents"])
        self._answer(200, _described(file))

    def _fail(self, status: int, reason: str) -> None:
        self._answer(status, {"error": {"errors": [{"reason": reason}]}})

    def _answer(self, status: int, content: object, **headers: str) -> None:
        data = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _described(file: dict[str, Any]) -> dict[str, Any]:
    fields = {name: file[name] for name in ("id", "name", "mimeType")}
    fields |= {"version": str(file["version"]), "size": str(len(file["data"]))}
    return fields | {"modifiedTime": "2026-01-02T03:04:05Z"}


@contextlib.contextmanager
def running_drive(folder: Path) -> Iterator[FakeDrive]:
    """Yield a fake with one empty folder ``data``; it ends with the block."""
    handler = type("_BoundHandler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {"type": "service_account", "client_email": "a@b", "token_uri": f"{url}/token", "private_key": text}
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    drive = FakeDrive(url, path)
    handler.drive = drive  # type: ignore[attr-defined]
    drive.add("data", b"", mimeType=FOLDER)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield drive
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
