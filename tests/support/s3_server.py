"""A real S3 server (SeaweedFS) on loopback, for one session of tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from entrepot.errors import EntrepotError
from entrepot.workspace.stores import StorageConfig, create_bucket

START_S = 60.0
_SOCKETS = Path("/tmp")  # whatever TMPDIR says
WRITER = ("writerkey", "writersecret")
READER = ("readerkey", "readersecret")


@attrs.frozen
class S3Server:
    """A running server. ``WRITER`` may do everything, ``READER`` only read objects of the bucket ``shared``."""

    url: str
    home: Path
    ports: Sequence[int] = ()

    def environ(self, keys: tuple[str, str] = WRITER) -> dict[str, str]:
        """Return an environment with credentials."""
        return {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}

    def config(self, bucket: str, prefix: str = "") -> StorageConfig:
        """Return the configuration of a bucket."""
        return StorageConfig("s3h", bucket, prefix=prefix, endpoint_url=self.url)

    def make_bucket(self, bucket: str) -> StorageConfig:
        """Create a bucket and return its configuration."""
        create_bucket(self.config(bucket), environ=self.environ(), home=self.home)
        return self.config(bucket)


def find_weed() -> str | None:
    """Return the path of the server's program, which a package of the test dependencies installs."""
    return shutil.which("weed", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))


@contextlib.contextmanager
def running_s3_server(folder: Path) -> Iterator[S3Server]:
    """Yield a server with its data in a folder; it ends with the block."""
    program = find_weed()
    assert program is not None
    keys = folder / "keys.json"
    identities = [_identity("w", WRITER, ["Admin"]), _identity("r", READER, ["Read:shared"])]
    keys.write_text(json.dumps({"identities": identities}))
    ports = _free_ports(8)
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    command = [
        program,
        f"-logdir={folder}",
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={keys}",
    ]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-volume.max=2000"]
    command += ["-master.volumeSizeLimitMB=512", "-master.telemetry=false", "-volume.minFreeSpace=0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            server = S3Server(f"http://127.0.0.1:{ports[6]}", folder, ports)
            _wait_for(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            for path in sockets_of(ports):
                path.unlink(missing_ok=True)


def sockets_of(ports: Sequence[int]) -> list[Path]:
    """Return the sockets that a server with these ports has made; their folder cannot be chosen for all of them."""
    ends = {f"-{port}.sock" for port in ports}
    return [path for path in _SOCKETS.glob("seaweedfs-*.sock") if f"-{path.name.rpartition('-')[2]}" in ends]


def _identity(name: str, keys: tuple[str, str], actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}], "actions": actions}


def _wait_for(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    """Return when the server creates buckets, which is the last thing that works after its start."""
    deadline = time.monotonic() + START_S
    pause = threading.Event()
    while True:
        assert process.poll() is None, (server.home / "log").read_text(errors="replace")[-2000:]
        try:
            server.make_bucket("shared")
            return
        except EntrepotError:
            assert time.monotonic() < deadline, (server.home / "log").read_text(errors="replace")[-2000:]
            pause.wait(0.1)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
