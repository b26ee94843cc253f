"""Hubs of tests as copies of a process that has imported the server, which takes as much time as everything else."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from entrepot.testing import hubs
from tests.support import warm_commands
from tests.support.warm_commands import Command

start_as_users_do = hubs._launch

_IMPORTED = (
    *("entrepot.server.app", "entrepot.server.workers", "entrepot.cli.main", "entrepot.cli.serving"),
    *("entrepot.worker.loop", "entrepot.hub.accounts.first_accounts", "entrepot.hub.sso.browser_sign_ins"),
    *(
        "entrepot.cli.workspace.commands",
        "entrepot.workspace.projects.projects",
        "entrepot.workspace.projects.entities",
    ),
    "tests.support.warm_imports",
)


def start_servers_warm() -> None:
    """Let the hubs of :mod:`entrepot.testing` in this process skip the start of an interpreter and the imports.

    Each is forked from a process that has imported the server, made an application that it does not run
    (tests/support/warm_imports.py) and started no thread; tests/support/warm_commands.py forks other commands from
    it. Several workers, which the server starts itself, start as always; :func:`cold_servers` is for tests of the
    start.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_IMPORTED))
    hubs._launch = _launch


@contextlib.contextmanager
def cold_servers() -> Iterator[None]:
    """Start hubs as users do."""
    before, hubs._launch = hubs._launch, start_as_users_do
    try:
        yield
    finally:
        hubs._launch = before


def _launch(environ: Mapping[str, str], log: BinaryIO) -> Any:
    command = Command("entrepot.cli.main:run", ("serve", "--lifeline"), environ)
    return warm_commands.start(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
