"""nginx in front of a server, as a proxy to compare with."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
"""The path of its program, or None if it is not installed."""

_START_S, _PAUSE_S = 20.0, 0.02


@attrs.frozen
class Proxy:
    """A running nginx: its URL and the id of its first process."""

    url: str
    pid: int


@contextlib.contextmanager
def running_nginx(folder: Path, server: str, *, workers: str = "1", http: str = "") -> Iterator[Proxy]:
    """Run nginx with a block ``server``, in which only ``listen`` is left out; it ends with the block.

    Args:
        folder: for its files.
        workers: the number of its processes, or ``auto``.
        http: further lines beside the block.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    bodies = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes {workers}; {user}
        events {{ worker_connections 64; }}
        http {{ access_log off; {bodies} client_body_temp_path {folder}/bodies; {http}
            server {{ listen 127.0.0.1:{port}; {server} }} }}
    """)
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(port)
        yield Proxy(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
