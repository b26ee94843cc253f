"""PostgreSQL and SeaweedFS for benchmarks of several servers, as durable as in production."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from tests.support.postgres import PostgresServer, find_programs, running
from tests.support.races import DURABLE
from tests.support.s3_server import S3Server, running_s3_server


@attrs.frozen
class Backends:
    """A database server, its programs, an S3 server with the bucket ``shared``, and a folder for the hubs."""

    folder: Path
    programs: Path
    database: PostgresServer
    s3: S3Server


@contextlib.contextmanager
def running_backends(name: str) -> Iterator[Backends]:
    """Yield running servers with the credentials of the bucket in the environment; they end with the block.

    Args:
        name: part of the name of the temporary folder.
    """
    programs = find_programs()
    if programs is None:
        raise SystemExit("this benchmark needs PostgreSQL and psycopg")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"entrepot-{name}-")))
        (folder / "s3").mkdir()
        s3 = stack.enter_context(running_s3_server(folder / "s3"))
        os.environ.update(s3.environ())
        yield Backends(folder, programs, stack.enter_context(running(programs, *DURABLE)), s3)
