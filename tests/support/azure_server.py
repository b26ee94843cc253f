"""Microsoft's own emulator of Azure Blob Storage (the npm package ``azurite``) on loopback, if it is installed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and the key of every installation of the emulator; they protect nothing."""

START_S = 240.0


def find_azurite() -> str | None:
    """Return the path of the emulator's program."""
    return shutil.which("azurite-blob")


@attrs.frozen
class AzureServer:
    """A running emulator."""

    port: int

    def environ(self) -> dict[str, str]:
        """Return an environment with credentials."""
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        return {"AZURE_STORAGE_CONNECTION_STRING": text}

    def make_container(self, name: str) -> None:
        """Create a container.

        Source: Azure Storage REST API, "Create Container"; "Authorize with Shared Key".
        """
        date, version = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), "2021-08-06"
        text = (
            f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        )
        digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers = {"x-ms-date": date, "x-ms-version": version, "content-length": "0"}
        headers["authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
        assert connection.getresponse().status == 201
        connection.close()


@contextlib.contextmanager
def running_azure_server(folder: Path) -> Iterator[AzureServer]:
    """Yield an emulator with its data in a folder; it ends with the block."""
    program = find_azurite()
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [program, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(folder)]
    words += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        deadline, pause = time.monotonic() + START_S, threading.Event()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                pause.wait(0.1)
        yield AzureServer(port)
    finally:
        process.kill()
        process.wait()
