"""A hub in a separate process, for tests and notebooks, which can be stopped, killed and restarted.

The server watches its standard input: the pipe closes when the parent
process ends, however it ends, and then the server stops.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import attrs

from entrepot.errors import ConfigError, InvalidName, Refused
from entrepot.settings import SETTINGS, Setting, Settings, load_settings

if TYPE_CHECKING:
    from entrepot.hub.context import HubContext

_START_S = 60.0
_STOP_S = 75.0
_FREE_S = 30.0
_PAUSE_S = 0.01
_TAIL = 3000
_LISTENING = re.compile(rb"^entrepot listening on (https?://\S+)\r?\n", re.MULTILINE)
_LOOPBACK = "127.0.0.1,localhost,::1"


@attrs.frozen
class User:
    """A user of the hub and the secret of one of its tokens."""

    name: str
    token: str = attrs.field(repr=False)


class RunningHub:
    """A running hub, created by :func:`entrepot.testing.hub`. Safe to use from several threads."""

    def __init__(self, folder: Path, settings: Settings, given: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._given = given
        self._port = settings.port
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._lock = threading.RLock()
        self._users: dict[tuple[str, str], User] = {}
        self._orgs: set[str] = set()

    @property
    def url(self) -> str:
        """The URL of the hub; a restart does not change it."""
        return self._url

    @property
    def data(self) -> Path:
        """The hub's data folder."""
        return self._settings.data

    @property
    def settings(self) -> Settings:
        """The settings of the hub, to open it in this process too."""
        return self._settings

    @property
    def pid(self) -> int:
        """The process id of the server.

        Raises:
            Refused: the hub is not running.
        """
        if self._process is None:
            raise Refused("the hub is not running; call start() first")
        return self._process.pid

    @property
    def token(self) -> str:
        """The secret of a token of the user ``tester`` with the role ``write``."""
        return self.user("tester").token

    def user(self, name: str, role: str = "write") -> User:
        """Return a user with a token of this role, ``read`` or ``write``; the first call creates it.

        Raises:
            InvalidName: the name or the role breaks a rule.
            AlreadyExists: the name was taken without this method.
        """
        from entrepot.hub.accounts import accounts

        with self._lock:
            if (name, role) not in self._users:
                with self._opened() as hub:
                    if all(name != known for known, _ in self._users):
                        accounts.create_user(hub, name)
                    secret = accounts.create_token(hub, name, role=role, name=f"testing-{role}").secret
                self._users[name, role] = User(name, secret)
            return self._users[name, role]

    def org(self, name: str, *, admin: str = "tester", members: Mapping[str, str] | None = None) -> str:
        """Create an organisation on the first call, and return its name.

        Args:
            admin: the user who administers it; created if missing.
            members: further users, created if missing, and their roles:
                ``read``, ``contributor``, ``write`` or ``admin``.

        Raises:
            InvalidName: a name or a role breaks a rule.
            AlreadyExists: the name was taken without this method.
        """
        from entrepot.hub.accounts import accounts
        from entrepot.hub.callers import Role

        with self._lock, self._opened() as hub:
            self.user(admin)
            if name not in self._orgs:
                accounts.create_org(hub, name, admin=admin)
                self._orgs.add(name)
            for member, role in (members or {}).items():
                if role.upper() not in Role.__members__:
                    raise InvalidName("role", role, "expected read, contributor, write or admin")
                self.user(member)
                accounts.set_member(hub, name, member, Role.parse(role))
        return name

    def environ(self, user: User | None = None) -> dict[str, str]:
        """Return environment variables that make clients use this hub, and no settings of the user who runs the tests.

        Args:
            user: the user whose token is sent; None is ``tester``.

        Returns:
            Variables to add to ``os.environ``; the caches of clients are in the temporary folder.
        """
        token = user.token if user is not None else self.token
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token,
            "HF_HOME": str(self._folder / "hf-home"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "ENTREPOT_ENDPOINT": self.url,
            "ENTREPOT_TOKEN": token,
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }

    def log(self) -> str:
        """Return the output of the server since its first start."""
        file = self._folder / "server.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start the server with the same folder and port, and wait until it responds; do nothing if it is running.

        Raises:
            Refused: the server ended, or did not respond within a minute.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._await_free_port()
            file = self._folder / "server.log"
            with file.open("ab") as log:
                said_before = log.tell()
                self._process = _launch(self._server_environ(), log)
            try:
                self._await_listening(file, said_before)
            except BaseException:
                self.kill()
                raise

    def stop(self) -> None:
        """Stop the server gracefully: requests in progress are completed."""
        with self._lock:
            if self._process is None:
                return
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._reap()

    def kill(self) -> None:
        """Kill the server (SIGKILL), as in a crash; :meth:`start` starts it again."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._reap()

    def restart(self) -> None:
        """Stop and start the server; data folder, port and accounts stay the same."""
        with self._lock:
            self.stop()
            self.start()

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[HubContext]:
        """Open the data folder in this process, beside the server, to create accounts without an HTTP request."""
        from entrepot.hub.context import open_hub

        hub = open_hub(self._settings)
        try:
            yield hub
        finally:
            hub.close()

    def _server_environ(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
        ours = {"ENTREPOT_DATA": str(self.data), "ENTREPOT_PORT": str(self._port), "PYTHONUNBUFFERED": "1"}
        return {**clean, **self._given, **ours}

    def _await_free_port(self) -> None:
        # After a kill, worker processes may hold the port for a moment until they notice.
        deadline = time.monotonic() + _FREE_S
        while self._port and time.monotonic() < deadline:
            with socket.socket(socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self._settings.host, self._port))
                except OSError:
                    time.sleep(_PAUSE_S)
                else:
                    return

    def _await_listening(self, file: Path, offset: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        while True:
            has_ended = self._process.poll() is not None
            with file.open("rb") as log:
                log.seek(offset)
                said = log.read()
            found = _LISTENING.search(said)
            if found and not has_ended:
                self._url = found[1].decode("ascii")
                self._port = int(self._url.rpartition(":")[2])
                return
            if has_ended or time.monotonic() > deadline:
                what = "exited during startup" if has_ended else f"did not respond within {_START_S:.0f} s"
                raise Refused(f"the hub {what}; its output:\n{said.decode('utf-8', 'replace')[-_TAIL:].strip()}")
            time.sleep(_PAUSE_S)


def _launch(environ: Mapping[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
    """Start a server that ends when its standard input does."""
    return subprocess.Popen(
        [sys.executable, "-m", "entrepot", "serve", "--lifeline"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environ,
        start_new_session=True,  # Ctrl-C in a terminal must interrupt only the tests; they stop the hub
    )


def _written(row: Setting, value: object) -> str:
    return str(value) if row.reading.is_secret else row.reading.render(value)


@contextlib.contextmanager
def running(settings: Mapping[str, object]) -> Iterator[RunningHub]:
    """Run a hub for the duration of a ``with`` block; see :func:`entrepot.testing.hub`."""
    if "data" in settings:
        raise ConfigError("data", "entrepot.testing.hub", "cannot be set: a test hub uses a temporary folder")
    folder = Path(tempfile.mkdtemp(prefix="entrepot-testing-")).resolve()
    try:
        flags = {"port": 0, **settings}
        loaded = load_settings(flags=flags, environ={}, toml_path=None, default_data=folder / "data").settings
        values = {row.variable: _written(row, getattr(loaded, row.name)) for row in SETTINGS if row.name in flags}
        hub = RunningHub(folder, loaded, values)
        try:
            hub.start()
            yield hub
        finally:
            hub.stop()
    finally:
        # A client of the test may still be writing to its cache.
        shutil.rmtree(folder, ignore_errors=True)
