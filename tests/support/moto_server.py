"""A second dialect of S3 (moto) on loopback, so that no quirk of the first one becomes a rule."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import attrs

from entrepot.workspace.stores import StorageConfig, create_bucket

BUCKET = "moto"


@attrs.frozen
class MotoServer:
    """A running server with the bucket ``moto``, which accepts any key."""

    url: str

    def environ(self) -> dict[str, str]:
        """Return an environment with credentials."""
        return {"AWS_ACCESS_KEY_ID": "anykey", "AWS_SECRET_ACCESS_KEY": "anysecret"}


@contextlib.contextmanager
def running_moto_server(home: Path) -> Iterator[MotoServer]:
    """Yield a server, in threads of this process; it ends with the block."""
    from moto.server import ThreadedMotoServer  # takes long, and few tests need it

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        server = MotoServer(f"http://{host}:{port}")
        config = StorageConfig("s3h", BUCKET, endpoint_url=server.url)
        create_bucket(config, environ=server.environ(), home=home)
        yield server
    finally:
        running.stop()
