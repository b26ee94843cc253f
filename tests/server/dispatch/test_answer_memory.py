"""Remembered answers: everything that changes what a caller may see counts at the very next request.

Each change is made by the process that answers, and by another one on the same database.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import httpx2
import pytest

from entrepot.hub import access
from entrepot.hub.accounts import accounts, administration
from entrepot.hub.audit import CONSOLE
from entrepot.hub.callers import Role
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from entrepot.server.app import make_app
from entrepot.server.dispatch.answer_memory import AnswerMemory, RememberedAnswer, Reusable
from entrepot.server.files import FileResponse
from entrepot.server.handlers import json_response
from entrepot.server.responders import MemoryContent
from entrepot.server.threads import Threads
from entrepot.settings import Settings
from entrepot.wire.accounts.administration import UserChanges
from tests.support import hub_work
from tests.support.running_apps import running
from tests.support.worlds import Clock

REPO = RepoRef(RepoType.MODEL, RepoId("acme", "m"))
MOVED = RepoRef(RepoType.MODEL, RepoId("acme", "n"))
FILE = "/acme/m/resolve/main/notes.txt"
PATHS = ("/api/whoami-v2", "/api/models/acme/m", "/api/models/acme/m/revision/main", FILE)


@attrs.frozen
class Site:
    """A served hub, another one on the same database, and tokens of two members of an organisation and a stranger."""

    url: str
    hub: HubContext
    other: HubContext
    clock: Clock
    tokens: dict[str, str]

    def get(self, path: str, who: str | None, method: str = "GET", **headers: str) -> httpx2.Response:
        if who is not None:
            headers["authorization"] = f"Bearer {self.tokens.get(who, who)}"
        return httpx2.request(method, self.url + path, headers=headers, trust_env=False)

    def statuses(self, who: str | None) -> list[int]:
        return [self.get(path, who).status_code for path in PATHS] + [self.get(FILE, who, "HEAD").status_code]


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    database = None
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres").create_with_tables()
    clock = Clock(1_800_000_000_000)
    with contextlib.ExitStack() as stack:
        hubs = []
        for _ in range(2):
            hub = open_hub(Settings(data=tmp_path / "data"), fsync=False, database=database)
            stack.callback(hub.close)
            hubs.append(attrs.evolve(hub, now_ms=clock))
        hub, other = hubs
        for name in ("olga", "wendy", "zed", "root"):
            accounts.create_user(hub, name, is_admin=name == "root")
        accounts.create_org(hub, "acme", admin="olga")
        accounts.set_member(hub, "acme", "wendy", Role.WRITE)
        tokens = {name: accounts.create_token(hub, name, role="write").secret for name in ("olga", "wendy", "zed")}
        create(hub, tokens["olga"])
        address = stack.enter_context(running(make_app(hub)))
        yield Site(address.url, hub, other, clock, tokens)


def create(hub: HubContext, secret: str, text: bytes = b"first") -> None:
    olga = hub.identify(secret)
    repositories.create(hub, olga, NewRepo(RepoType.MODEL, "m", namespace="acme", visibility="private"))
    write(hub, secret, text)


def write(hub: HubContext, secret: str, text: bytes) -> None:
    draft = CommitDraft("write", [AddFile(parse_path("notes.txt"), text)])
    commits.create(hub, hub.identify(secret), REPO, "main", draft)


def revoke(hub: HubContext, _secret: str) -> None:
    accounts.revoke_token(hub, "wendy", "token-1")


def suspend(hub: HubContext, _secret: str) -> None:
    administration.change_user(hub, CONSOLE, "wendy", UserChanges(is_suspended=True))


def delete_account(hub: HubContext, _secret: str) -> None:
    hub_work.delete_user(hub, "wendy")


def leave(hub: HubContext, _secret: str) -> None:
    administration.remove_member(hub, CONSOLE, "acme", "wendy")


def delete(hub: HubContext, secret: str) -> None:
    repositories.delete(hub, hub.identify(secret), REPO)


def rename(hub: HubContext, secret: str) -> None:
    repositories.move(hub, hub.identify(secret), REPO, MOVED)


CHANGES: dict[str, tuple[Callable[[HubContext, str], None], list[int]]] = {
    "token revoked": (revoke, [401, 401, 401, 401, 401]),
    "account suspended": (suspend, [403, 403, 403, 403, 403]),
    "account deleted": (delete_account, [401, 401, 401, 401, 401]),
    "membership ended": (leave, [200, 404, 404, 404, 404]),
    "repository deleted": (delete, [200, 404, 404, 404, 404]),
    "repository renamed": (rename, [200, 307, 307, 307, 307]),
}


@pytest.mark.parametrize("is_other", [False, True], ids=["same process", "other process"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_rights_counts_at_the_next_request(site: Site, name: str, is_other: bool) -> None:
    change, expected = CHANGES[name]
    assert site.statuses("wendy") == site.statuses("wendy") == [200] * 5
    change(site.other if is_other else site.hub, site.tokens["olga"])
    assert site.statuses("wendy") == expected
    assert site.statuses("wendy") == expected


@pytest.mark.parametrize("is_other", [False, True], ids=["same process", "other process"])
def test_a_repository_made_private_is_as_good_as_absent_at_the_next_request(site: Site, is_other: bool) -> None:
    hub = site.other if is_other else site.hub
    absent = site.get("/api/models/acme/never", "zed")
    for visibility, status in (("public", 200), ("private", 404), ("public", 200), ("private", 404)):
        repositories.configure(hub, hub.identify(site.tokens["olga"]), REPO, RepoChanges(visibility=visibility))
        for who in ("zed", None):
            expected = 401 if who is None and status == 404 else status
            first, second = (site.get("/api/models/acme/m", who) for _ in range(2))
            assert (first.status_code, second.status_code) == (expected, expected)
            assert site.get(FILE, who).status_code == expected
    hidden = site.get("/api/models/acme/m", "zed")
    assert hidden.content == absent.content
    assert set(hidden.headers) == set(absent.headers)


@pytest.mark.parametrize("is_other", [False, True], ids=["same process", "other process"])
def test_a_gate_counts_at_the_next_request(site: Site, is_other: bool) -> None:
    hub = site.other if is_other else site.hub
    olga = hub.identify(site.tokens["olga"])
    repositories.configure(hub, olga, REPO, RepoChanges(visibility="public"))
    assert site.get(FILE, "zed").status_code == site.get(FILE, "zed").status_code == 200
    repositories.configure(hub, olga, REPO, RepoChanges(gated="manual"))
    assert site.get(FILE, "zed").status_code == 403
    assert site.get(FILE, "zed", "HEAD").status_code == 403
    assert site.get(FILE, "wendy").status_code == 200


@pytest.mark.parametrize("is_other", [False, True], ids=["same process", "other process"])
def test_a_repository_created_again_under_its_name_has_its_own_answers(site: Site, is_other: bool) -> None:
    hub, olga = site.other if is_other else site.hub, site.tokens["olga"]
    before = site.get("/api/models/acme/m", "olga").json()
    assert site.get(FILE, "olga").content == site.get(FILE, "olga").content == b"first"
    delete(hub, olga)
    create(hub, olga, b"second")
    assert site.get(FILE, "olga").content == b"second"
    after = site.get("/api/models/acme/m", "olga").json()
    assert (before["sha"] != after["sha"], before["_id"] != after["_id"]) == (True, True)
    write(hub, olga, b"third")
    assert site.get(FILE, "olga").content == b"third"
    assert site.get("/api/models/acme/m", "olga").json()["sha"] != after["sha"]


@pytest.mark.parametrize("is_other", [False, True], ids=["same process", "other process"])
def test_a_new_role_is_shown_at_the_next_request(site: Site, is_other: bool) -> None:
    def role() -> str:
        found: str = site.get("/api/whoami-v2", "wendy").json()["orgs"][0]["roleInOrg"]
        return found

    assert (role(), role()) == ("write", "write")
    accounts.set_member(site.other if is_other else site.hub, "acme", "wendy", Role.READ)
    assert (role(), role()) == ("read", "read")


def test_a_token_ends_when_its_time_is_over_though_nothing_is_written(site: Site) -> None:
    now = site.clock()
    short = accounts.create_token(site.hub, "wendy", role="read", name="short", expires_ms=now + 60_000).secret
    assert site.statuses(short) == site.statuses(short) == [200] * 5
    site.clock.advance(59_999)
    assert site.statuses(short) == [200] * 5
    site.clock.advance(1)
    assert site.statuses(short) == [401] * 5


def test_callers_never_get_answers_of_each_other(site: Site) -> None:
    for _ in range(3):
        assert site.statuses("wendy") == [200] * 5
        assert site.statuses("zed") == [200, 404, 404, 404, 404]
        assert site.statuses(None) == [401] * 5
        assert site.statuses(site.tokens["wendy"] + "x") == [401] * 5
        assert [site.get("/api/whoami-v2", who).json()["name"] for who in ("olga", "wendy")] == ["olga", "wendy"]


def test_remembered_answers_are_the_same_in_every_part(site: Site) -> None:
    ignored = {"x-request-id", "date"}
    for path in PATHS:
        for method in ("GET", "HEAD"):
            first, second = (site.get(path, "wendy", method) for _ in range(2))
            assert first.content == second.content
            kept = [{k: v for k, v in it.headers.items() if k not in ignored} for it in (first, second)]
            assert kept[0] == kept[1]


def test_ranges_and_conditions_are_judged_with_every_request(site: Site) -> None:
    etag = site.get(FILE, "wendy").headers["etag"]
    assert site.get(FILE, "wendy", range="bytes=1-2").content == b"ir"
    assert site.get(FILE, "wendy", **{"if-none-match": etag}).status_code == 304
    assert site.get(FILE, "wendy", **{"if-none-match": '"x"'}).content == b"first"


def test_addresses_in_answers_are_those_of_the_request(site: Site) -> None:
    port = site.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"127.0.0.1:{port}"):
        found = site.get("/api/whoami-v2", "wendy", host=host).json()
        assert found["avatarUrl"].startswith(f"http://{host}/")
    assert site.get("/api/whoami-v2", "wendy", host="elsewhere.example").status_code == 400


def test_every_download_counts_and_every_use_of_a_token_is_noted(tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    ref = RepoRef(RepoType.DATASET, RepoId("alice", "d"))
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.DATASET, "d"))
    draft = CommitDraft("write", [AddFile(parse_path("notes.txt"), b"text")])
    commits.create(hub, hub.identify(secret), ref, "main", draft)
    with running(make_app(hub)) as address:
        for number in range(3):
            headers = {"authorization": f"Bearer {secret}", "user-agent": f"client {number}"}
            path = f"{address.url}/datasets/alice/d/resolve/main/notes.txt"
            assert httpx2.head(path, headers=headers | {"user-agent": "another"}, trust_env=False).status_code == 200
            assert httpx2.get(path, headers=headers, trust_env=False).content == b"text"
    with hub.read() as tx:
        row = access.visible(tx, hub.identify(secret), ref)
    assert row.downloads == 3
    hub.close()


def test_a_token_revoked_by_another_process_is_refused_at_the_next_request(tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    with running(make_app(hub)) as address:
        headers = {"authorization": f"Bearer {secret}"}
        for _ in range(2):
            assert httpx2.get(f"{address.url}/api/whoami-v2", headers=headers, trust_env=False).status_code == 200
        command = [sys.executable, "-m", "entrepot", "admin", "tokens", "revoke", "alice", "token-1"]
        subprocess.run([*command, "--data", str(tmp_path / "data")], check=True, timeout=240, capture_output=True)
        assert httpx2.get(f"{address.url}/api/whoami-v2", headers=headers, trust_env=False).status_code == 401
    hub.close()


def test_large_answers_and_errors_are_not_kept(tmp_path: Path, threads: Threads) -> None:
    memory = AnswerMemory(Settings(data=tmp_path, remembered_bytes=845_000))
    version = (1, 1)

    def is_kept(response: Reusable, name: str) -> bool:
        memory.find(version, name, 0)
        memory.put(version, name, RememberedAnswer(response, None))
        return memory.find(version, name, 0) is not None

    assert is_kept(json_response("x" * 8_000), "small")
    assert not is_kept(json_response("x" * 11_000), "large")
    assert not is_kept(json_response({"error": "no"}, 404), "error")
    assert is_kept(FileResponse(MemoryContent("e", "t", 3, b"abc"), "f", threads), "file")
    assert 8_000 < memory.size <= 40_000


def test_the_length_of_a_request_takes_no_memory_that_is_not_counted(tmp_path: Path) -> None:
    memory = AnswerMemory(Settings(data=tmp_path))

    def key(**changes: object) -> object:
        scope = {"method": "GET", "path": "/api/models/acme/m", "query_string": b"", "headers": [], **changes}
        return memory.key_of(scope)

    long = [key(query_string=b"x" * 60_000 + end) for end in (b"1", b"2", b"1")]
    long += [key(path="/api/models/acme/" + "x" * 60_000), key(headers=[(b"host", b"x" * 60_000)])]
    assert all(isinstance(item, bytes) and len(item) == 32 for item in long)
    assert (long[0] == long[2], len(set(long))) == (True, 4)
    assert key() == key() != key(query_string=b"x")


def test_the_objects_of_an_answer_count_too(tmp_path: Path) -> None:
    memory, version = AnswerMemory(Settings(data=tmp_path)), (1, 1)
    memory.find(version, "any", 0)
    for number in range(10_000):
        memory.put(version, number, RememberedAnswer(json_response({}), None, lambda _request: None))
    kept = sum(memory.find(version, number, 0) is not None for number in range(10_000))
    # 4.6 KB each, as measured, for a file of four bytes; answers have half of 16 MiB.
    assert 1_500 < kept < 2_100


def test_get_and_head_share_an_answer_unless_only_head_was_answered(tmp_path: Path, threads: Threads) -> None:
    memory, version = AnswerMemory(Settings(data=tmp_path)), (1, 1)
    scope = {"path": "/a/b/resolve/main/f", "query_string": b"", "headers": []}
    get, head, put = (memory.key_of({**scope, "method": method}) for method in ("GET", "HEAD", "PUT"))
    assert (get is not None, get == head, put) == (True, True, None)

    def found(data: bytes) -> list[bool]:
        memory.find(version, get, 0)
        memory.put(version, get, RememberedAnswer(FileResponse(MemoryContent("e", "t", 3, data), "f", threads), None))
        return [memory.find(version, get, 0, needs_body=needs) is not None for needs in (True, False)]

    assert (found(b""), found(b"abc")) == ([False, True], [True, True])


def test_get_after_head_sends_the_file_and_head_after_get_does_not(site: Site) -> None:
    olga, large = site.hub.identify(site.tokens["olga"]), b"x" * 300_000  # git stores it outside of the database
    draft = CommitDraft("write", [AddFile(parse_path("large.txt"), large), AddFile(parse_path("empty.txt"), b"")])
    commits.create(site.hub, olga, REPO, "main", draft)
    for name, content in (("notes.txt", b"first"), ("large.txt", large), ("empty.txt", b"")):
        path = f"/acme/m/resolve/main/{name}"
        for method in ("HEAD", "GET", "HEAD", "GET", "GET", "HEAD"):
            found = site.get(path, "wendy", method)
            assert (found.status_code, found.headers["content-length"]) == (200, str(len(content)))
            assert found.content == (content if method == "GET" else b"")
