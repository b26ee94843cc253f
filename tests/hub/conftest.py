"""A hub with users in a temporary folder; accessing blobs inside a transaction fails the test."""

from __future__ import annotations

import http.server
import pathlib
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entrepot.hub import public_addresses
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.git import imports
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.settings import Settings
from tests.support.chunk_sender import Sender
from tests.support.git_site import GIT_ENV, GitSite
from tests.support.postgres import PostgresServer
from tests.support.worlds import PEOPLE, Clock, World, guarded


@pytest.fixture(scope="session")
def server_of_databases(request: pytest.FixtureRequest) -> PostgresServer | None:
    """The server on which each hub gets a database of its own, with ``--database=postgresql``; else None."""
    if request.config.getoption("--database") == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres")
    return found


@pytest.fixture(scope="session")
def prepared_database(server_of_databases: PostgresServer | None) -> str | None:
    """The URL of the prepared hub's database; None: it is in its folder."""
    return None if server_of_databases is None else server_of_databases.create_with_tables()


@pytest.fixture(scope="session")
def prepared_data(
    tmp_path_factory: pytest.TempPathFactory, prepared_database: str | None
) -> tuple[pathlib.Path, dict[str, str]]:
    """A closed data folder with accounts; tests copy it, because creating a new one takes longer."""
    folder = tmp_path_factory.mktemp("furnished") / "data"
    hub = open_hub(Settings(data=folder), fsync=False, database=prepared_database)
    secrets = {}
    for name in PEOPLE:
        accounts.create_user(hub, name, is_admin=name == "root")
        for role in ("write", "read"):
            secrets[f"{name}:{role}"] = accounts.create_token(hub, name, role=role).secret
    accounts.create_org(hub, "acme", admin="olga")
    for name, member_role in PEOPLE.items():
        if member_role is not None:
            accounts.set_member(hub, "acme", name, member_role)
    hub.close()
    return folder, secrets


@pytest.fixture
def make_world(
    prepared_data: tuple[pathlib.Path, dict[str, str]],
    prepared_database: str | None,
    server_of_databases: PostgresServer | None,
    tmp_path: pathlib.Path,
) -> Iterator[Callable[..., World]]:
    """Return a function that opens a copy of the prepared hub with the given settings."""
    opened: list[World] = []
    databases: list[str] = []

    def make(**settings: Any) -> World:
        folder = tmp_path / f"data{len(opened)}"
        shutil.copytree(prepared_data[0], folder)
        clock = Clock(time.time_ns() // 1_000_000)
        url = None
        if server_of_databases is not None and prepared_database is not None:
            url = server_of_databases.copy(prepared_database)
            databases.append(url)
        hub = guarded(open_hub(Settings(data=folder, **settings), fsync=False, database=url), clock)
        opened.append(World(hub, clock, prepared_data[1], url))
        return opened[-1]

    yield make
    for world in opened:
        world.hub.close()
    for url in databases:
        assert server_of_databases is not None
        server_of_databases.drop(url)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


@pytest.fixture
def make_sender(make_world: Callable[..., World]) -> Callable[..., Sender]:
    """Return a function that opens a hub with the given settings and returns a sender for it."""
    return lambda **settings: Sender(make_world(**settings))


@pytest.fixture
def hub(tmp_path: pathlib.Path, server_of_databases: PostgresServer | None) -> Iterator[HubContext]:
    """A hub without accounts."""
    url = None if server_of_databases is None else server_of_databases.create_with_tables()
    opened = open_hub(Settings(data=tmp_path / "hub"), fsync=False, database=url)
    yield opened
    opened.close()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Iterator[GitSite]:
    folder = tmp_path / "site"
    (folder / "work").mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            for prefix, target in found.redirects.items():
                if self.path.startswith(prefix):
                    self.send_response(302)
                    self.send_header("Location", target + self.path.removeprefix(prefix))
                    self.end_headers()
                    return
            super().do_GET()

        def do_POST(self) -> None:
            found.asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = found.posts.get(self.path)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    def handle(*arguments: Any) -> Handler:
        return Handler(*arguments, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handle) as server:
        found = GitSite(folder, server)
        found.git("work", "init", "-q", "-b", "main")
        found.git("", "init", "-q", "--bare", "-b", "main", "repo.git")
        found.commit("README.md", b"hello")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def example_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve names below ``.example`` to loopback, and treat only these names as public."""
    look_up, check = socket.getaddrinfo, public_addresses.resolve

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host.endswith(".example") else host, port, *rest, **options)

    def allow(host: str, port: int, *, allows_private: bool) -> list[str]:
        return check(host, port, allows_private=allows_private or host.endswith(".example"))

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(public_addresses, "resolve", allow)


@pytest.fixture
def import_url(tmp_path: pathlib.Path) -> Callable[[World, str], imports.Imported]:
    """Import a URL as the model ``alice/imported`` of a world."""

    def bring(world: World, url: str) -> imports.Imported:
        ref = RepoRef(RepoType.MODEL, RepoId("alice", "imported"))
        return imports.import_repo(world.hub, url, ref, tmp_path / "copy.git", environ=GIT_ENV)

    return bring
