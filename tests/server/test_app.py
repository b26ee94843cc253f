from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.routing import BaseRoute, Mount, Route

from entrepot.catalog.repos import conversions
from entrepot.errors import InvalidName, StoreUnavailable
from entrepot.hub.accounts import accounts
from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.hub.tables.reader import TableReader
from entrepot.names import RepoType, parse_account, parse_path
from entrepot.server import app
from entrepot.server.app import build_handlers, make_app
from entrepot.settings import Settings
from tests.support.running_apps import running


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubContext]:
    opened = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    yield opened
    opened.close()


class Companion:
    """A background service that records its calls."""

    def __init__(self, hub: HubContext) -> None:
        self.hub = hub
        self.seen: list[str] = []

    def start(self) -> None:
        self.seen.append("start")

    def stop(self) -> None:
        with self.hub.read():  # a worker can still end its job
            self.seen.append("stop")
        self.thread = threading.current_thread()


def get(url: str, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(url + path, headers=headers, trust_env=False)


def test_all_routes_are_behind_one_address(hub: HubContext) -> None:
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.MODEL, "m"))
    with running(make_app(hub)) as address:
        assert get(address.url, "/api/models/alice/m").json()["id"] == "alice/m"
        assert get(address.url, "/alice/m/resolve/main/.gitattributes").status_code == 200
        assert "entrepot_repositories 1" in get(address.url, "/metrics").text
        token = f"Bearer {secret}"
        given = get(address.url, "/api/models/alice/m/xet-write-token/main", authorization=token).json()
        store = given["casUrl"].removeprefix(address.url)
        unknown = get(
            address.url, f"{store}/v1/chunks/default/{'a' * 64}", authorization=f"Bearer {given['accessToken']}"
        )
        assert unknown.status_code == 404
        batch = httpx2.post(
            f"{address.url}/alice/m.git/info/lfs/objects/batch",
            json={"operation": "download", "objects": []},
            headers={"accept": "application/vnd.git-lfs+json", "content-type": "application/vnd.git-lfs+json"},
            trust_env=False,
        )
        assert batch.status_code == 200


def test_an_unknown_path_is_not_found(hub: HubContext) -> None:
    with running(make_app(hub)) as address:
        answer = get(address.url, "/no/such/route/at/all")
        assert answer.status_code == 404
        assert answer.headers["x-request-id"]


def test_companions_live_as_long_as_the_application(hub: HubContext) -> None:
    first, second = Companion(hub), Companion(hub)
    with running(make_app(hub, companions=[first, second])) as address:
        assert get(address.url, "/metrics").status_code == 200
        assert first.seen == second.seen == ["start"]
    assert first.seen == second.seen == ["start", "stop"]
    assert first.thread is not threading.main_thread()


def test_downloads_are_written_down_before_it_ends(hub: HubContext) -> None:
    accounts.create_user(hub, "alice")
    caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    ref = repositories.create(hub, caller, NewRepo(RepoType.MODEL, "m")).ref
    commits.create(hub, caller, ref, "main", CommitDraft("add", [AddFile(parse_path("config.json"), b"{}")]))
    with running(make_app(hub)) as address:
        assert get(address.url, "/alice/m/resolve/main/config.json").content == b"{}"
    with running(make_app(hub)) as address:
        assert get(address.url, "/api/models/alice/m").json()["downloads"] == 1


def test_the_use_of_a_token_is_written_down_at_the_latest_when_the_hub_stops(hub: HubContext) -> None:
    accounts.create_user(hub, "alice")
    made = accounts.create_token(hub, "alice", role="read")
    with running(make_app(hub)) as address:
        assert get(address.url, "/api/whoami-v2", Authorization=f"Bearer {made.secret}").status_code == 200
    caller = hub.identify(made.secret)
    assert caller is not None
    assert caller.token.used_ms is not None
    assert caller.token.used_ms >= made.token.created_ms


def test_a_process_that_reads_tables_is_started_early_where_there_are_some(
    hub: HubContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = threading.Event()
    monkeypatch.setattr(TableReader, "prepare", lambda _self: prepared.set())
    monkeypatch.setattr(conversions, "has_any", lambda _tx: True)
    with running(make_app(hub)):
        assert prepared.wait(60)


def test_limits_stand_before_the_routes_and_the_middleware_renders_their_errors(tmp_path: Path) -> None:
    limited = open_hub(Settings(data=tmp_path / "limited", rate_limit_api=1), fsync=False)
    with running(make_app(limited)) as address:
        answers = [get(address.url, "/api/models") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert all("x-request-id" in answer.headers for answer in answers)
        assert get(address.url, "/healthz").status_code == 200
    limited.close()


def first_words(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    """Yield the first segment of every path that is not a parameter."""
    for route in routes:
        assert isinstance(route, Mount | Route)
        path = prefix + route.path
        if isinstance(route, Mount):
            yield from first_words(list(route.routes), path)
        elif (word := path.split("/")[1]) and "{" not in word:
            yield word


def test_no_account_can_be_called_like_the_first_part_of_a_route(hub: HubContext) -> None:
    words = set(first_words(build_handlers(hub)))
    assert {"api", "datasets", "_lfs", "_xet"} <= words
    for word in words - {"info"}:  # of the host datasets-server.HUB only
        with pytest.raises(InvalidName):
            parse_account(word)


def test_the_first_use_of_a_token_is_written_soon(hub: HubContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_FIRST_USE_S", 0.01)
    monkeypatch.setattr(app, "_TURNS_OF_A_FLUSH", 10**9)  # other writes never come
    written, flush = threading.Event(), TokenUsage.flush

    def flush_and_tell(uses: TokenUsage, hub: HubContext) -> None:
        flush(uses, hub)
        written.set()

    monkeypatch.setattr(TokenUsage, "flush", flush_and_tell)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    with running(make_app(hub)) as address:
        assert get(address.url, "/api/whoami-v2", authorization=f"Bearer {secret}").status_code == 200
        assert written.wait(30)
        known = hub.identify(secret)
        assert known is not None
        assert known.token.used_ms is not None


def test_uses_of_tokens_are_written_although_downloads_cannot_be(
    hub: HubContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def fail(_counter: DownloadCounter, _hub: HubContext) -> None:
        if not written.is_set():
            raise StoreUnavailable("the database", "it is busy")

    monkeypatch.setattr(app, "_FIRST_USE_S", 0.01)
    monkeypatch.setattr(DownloadCounter, "flush", fail)
    monkeypatch.setattr(TokenUsage, "flush", lambda _uses, _hub: written.set())
    with running(make_app(hub)):
        assert written.wait(30)
