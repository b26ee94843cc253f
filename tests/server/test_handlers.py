from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import msgspec
import pytest
from starlette.requests import Request

from entrepot.errors import ClientGone, DatabaseUnavailable, InvalidCredentials, Malformed
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.server import handlers
from entrepot.server.handlers import AppState
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.threads import Threads
from entrepot.settings import Settings

Ask = Callable[..., Request]


class Asking(msgspec.Struct):
    """A shape for JSON bodies."""

    name: str = "nobody"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubContext]:
    opened = open_hub(Settings(data=tmp_path_factory.mktemp("doors") / "data"), fsync=False)
    yield opened
    opened.close()


async def stay() -> Any:
    """Receive nothing: the client neither sends nor leaves."""
    await asyncio.Event().wait()


@pytest.fixture
def request_of(hub: HubContext, threads: Threads) -> Ask:
    """Return a factory of requests to a hub with the given settings."""

    def make(query: str = "", path: Any = None, settings: Any = None, **headers: str) -> Request:
        here = attrs.evolve(hub, settings=msgspec.structs.replace(hub.settings, **(settings or {})))
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("10.0.0.9", 1234),
            "path": "/api/x",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()],
            "path_params": path or {},
            "state": {"app": AppState(here, threads, DownloadCounter())},
        }
        return Request(scope, stay)

    return make


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("", None),
        ("Bearer hf_x", "hf_x"),
        ("bearer   hf_x ", "hf_x"),
        (basic("alice", "hf_x"), "hf_x"),
        (basic("alice", "with:colon"), "with:colon"),
        (basic("alice", ""), None),
    ],
)
def test_a_token_comes_as_bearer_or_as_the_password_of_basic(request_of: Ask, header: str, secret: str | None) -> None:
    assert handlers.secret_of(request_of(authorization=header)) == secret


def test_who_sends_no_header_has_no_token(request_of: Ask) -> None:
    assert handlers.secret_of(request_of()) is None


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Digest x", "Basic !!", "Basic \u00e9", "Basic " + "bm9jb2xvbg==", "Basic /w=="]
)
def test_a_header_that_cannot_be_read_is_no_anonymous_call(request_of: Ask, header: str) -> None:
    with pytest.raises(InvalidCredentials):
        handlers.secret_of(request_of(authorization=header))


def test_the_hub_is_where_the_client_sees_it(request_of: Ask) -> None:
    assert handlers.base_url(request_of(host="localhost:8080")) == "http://localhost:8080"
    assert handlers.base_url(request_of()) == "http://testserver:80"


def test_only_a_trusted_proxy_is_believed(request_of: Ask) -> None:
    headers = {"host": "inner:1", "x_forwarded_proto": "https, http", "x_forwarded_host": "hub.example, inner:1"}
    known: dict[str, Any] = {"allowed_hosts": ("inner", "hub.example")}
    assert handlers.base_url(request_of(settings=known, **headers)) == "http://inner:1"
    trusting = {"trusted_proxies": ("10.0.0.0/8",), **known}
    assert handlers.base_url(request_of(settings=trusting, **headers)) == "https://hub.example"


def test_a_setting_says_where_the_hub_is(request_of: Ask) -> None:
    assert (
        handlers.base_url(request_of(settings={"base_url": "https://h.example/x"}, host="no")) == "https://h.example/x"
    )


@pytest.mark.parametrize("host", ["a/b", "user@host", "a b", "a?b", "a#b", "a\\b"])
def test_a_host_that_is_none_is_refused(request_of: Ask, host: str) -> None:
    with pytest.raises(Malformed):
        handlers.base_url(request_of(host=host))


def test_a_path_names_a_repository_or_nothing(request_of: Ask) -> None:
    request = request_of(path={"namespace": "alice", "name": "m"})
    assert handlers.repo_of(request, RepoType.MODEL) == RepoRef(RepoType.MODEL, RepoId("alice", "m"))
    for name in ("..", "a/b", "x" * 200, "%00"):
        found = handlers.repo_of(request_of(path={"namespace": "alice", "name": name}), RepoType.MODEL)
        assert found == RepoRef(RepoType.MODEL, handlers.NO_REPO)
    assert handlers.lookup_id("a/b/c") == handlers.NO_REPO
    assert handlers.lookup_id("gpt2") == RepoId("", "gpt2")


def test_json_is_read_into_a_shape_or_refused() -> None:
    assert handlers.decode_json(b'{"name": "x", "other": 1}', Asking) == Asking("x")
    for body in (b"", b"{", b"[]", b'{"name": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(Malformed):
            handlers.decode_json(body, Asking)


def test_a_body_that_changes_things_is_decoded_once_unless_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(body: bytes) -> Asking:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        request = Request({"type": "http", "method": "PUT", "path": "/api/x", "headers": []}, receive)
        return asyncio.run(handlers.read_json(request, Asking))

    decoded = list[bytes]()
    decode = msgspec.json.decode
    monkeypatch.setattr(msgspec.json, "decode", lambda data, **how: decoded.append(data) or decode(data, **how))
    assert read(b'{"name": "x"}').name == "x"
    assert decoded == [b'{"name": "x"}']
    with pytest.raises(Malformed, match="no field 'other' here; nothing was changed; known fields: name"):
        read(b'{"name": "x", "other": 1}')
    with pytest.raises(Malformed, match="Expected `str`"):
        read(b'{"name": 1}')


def test_a_response_is_json() -> None:
    answer = handlers.json_response({"a": 1}, 201, {"x-more": "y"})
    assert (answer.status_code, answer.body, answer.media_type) == (201, b'{"a":1}', "application/json")
    assert answer.headers["x-more"] == "y"


@pytest.mark.parametrize(("text", "is_on"), [("true", True), ("True", True), ("1", True), ("on", True), ("0", False)])
def test_a_flag_is_written_in_many_ways(request_of: Ask, text: str, is_on: bool) -> None:
    assert handlers.query_flag(request_of(f"x={text}"), "x") is is_on


def test_parameters_missing_from_the_query_are_off_or_empty(request_of: Ask) -> None:
    assert handlers.query_flag(request_of(), "x") is False
    assert handlers.query_list(request_of(), "x") == []
    assert handlers.query_int(request_of("x="), "x", 7, low=1, high=9) == 7


def test_a_list_is_a_repeated_parameter_with_or_without_brackets(request_of: Ask) -> None:
    assert handlers.query_list(request_of("k=a&k=&k[]=b&k=c"), "k") == ["a", "c", "b"]


def test_a_number_is_cut_to_its_range(request_of: Ask) -> None:
    asked = [handlers.query_int(request_of(f"n={text}"), "n", 5, low=1, high=9) for text in ("3", "0", "-4", "100")]
    assert asked == [3, 1, 1, 9]
    with pytest.raises(Malformed):
        handlers.query_int(request_of("n=many"), "n", 5, low=1, high=9)


def test_the_next_page_is_the_same_request_with_another_cursor(request_of: Ask) -> None:
    link = handlers.next_link(request_of("k=a&cursor=old&k=b%26", host="localhost"), {"cursor": "new"})
    assert link == '<http://localhost/api/x?k=a&k=b%26&cursor=new>; rel="next"'


@pytest.mark.parametrize(("method", "attempts"), [("GET", 2), ("HEAD", 2), ("POST", 1), ("DELETE", 1)])
def test_a_request_that_only_reads_survives_a_lost_connection(request_of: Ask, method: str, attempts: int) -> None:
    tried = []

    def use_case(_hub: HubContext, _caller: object) -> str:
        tried.append(1)
        if len(tried) == 1:
            raise DatabaseUnavailable("gone")
        return "read"

    request = request_of()
    request.scope["method"] = method
    if attempts == 2:
        assert asyncio.run(handlers.call_hub(request, use_case)) == "read"
    else:
        with pytest.raises(DatabaseUnavailable):
            asyncio.run(handlers.call_hub(request, use_case))
    assert len(tried) == attempts


def test_a_short_read_needs_no_thread_and_any_other_one_begins_again_in_one(request_of: Ask) -> None:
    began = list[int]()

    def use_case(hub: HubContext, _caller: object, *, is_short: bool) -> str:
        began.append(threading.get_ident())
        if not is_short:
            hub.catalog.check_may_wait()
        return "read"

    assert asyncio.run(handlers.call_hub_briefly(request_of(), use_case, is_short=True)) == "read"
    assert began == [threading.get_ident()]
    assert asyncio.run(handlers.call_hub_briefly(request_of(), use_case, is_short=False)) == "read"
    assert began[:2] == [threading.get_ident()] * 2
    assert len(began) == 3
    assert began[2] != began[1]


def test_errors_of_a_short_read_are_those_of_the_use_case(request_of: Ask) -> None:
    request = request_of(authorization="Bearer hf_unknown")
    with pytest.raises(InvalidCredentials):
        asyncio.run(handlers.call_hub_briefly(request, lambda _hub, _caller: "read"))


def in_turns(asked: Sequence[tuple[Request, str]]) -> list[str]:
    """Send requests whose turns are one for each caller, of which the first ends last; return the order of their work.

    The last one is of a caller who is no other one's.
    """
    slots = FairSlots(2, per_caller=1)
    may_end, began = threading.Event(), list[str]()

    def use_case(_hub: HubContext, _caller: MaybeCaller, name: str) -> None:
        began.append(name)
        if name == "first":
            may_end.wait(60)

    async def run() -> None:
        tasks = []
        for request, name in asked[:-1]:
            tasks.append(asyncio.create_task(handlers.call_hub_in_turn(request, slots, use_case, name)))
            await asyncio.sleep(0.05)
        await handlers.call_hub_in_turn(asked[-1][0], slots, use_case, asked[-1][1])
        may_end.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    return began


def test_requests_of_one_address_wait_for_each_other_and_not_for_those_of_another(request_of: Ask) -> None:
    asked = [(request_of(), name) for name in ("first", "second", "other")]
    for (request, _), network in zip(asked, (b"a", b"a", b"b"), strict=True):
        request.scope["state"]["network"] = network
    began = in_turns(asked)
    assert sorted(began[:2]) == ["first", "other"]
    assert began[2:] == ["second"]


def test_requests_of_one_account_wait_for_each_other_at_any_address_and_others_at_the_same_do_not(
    hub: HubContext, request_of: Ask
) -> None:
    secrets = []
    for name in ("busy-one", "patient"):
        accounts.create_user(hub, name)
        secrets.append(accounts.create_token(hub, name, role="read").secret)
    headers = [f"Bearer {secrets[number]}" for number in (0, 0, 1)]
    names = ("first", "second", "other")
    asked = [(request_of(authorization=it), name) for it, name in zip(headers, names, strict=True)]
    for (request, _), network in zip(asked, (b"a", b"b", b"a"), strict=True):
        request.scope["state"]["network"] = network
    began = in_turns(asked)
    assert began == ["first", "other", "second"]


def test_a_request_whose_client_leaves_before_its_turn_does_nothing(request_of: Ask) -> None:
    slots, began = FairSlots(1), list[str]()

    async def run() -> None:
        async with handlers.turn(request_of(), slots):
            request = request_of()

            async def receive() -> Any:
                return {"type": "http.disconnect"}

            gone = Request(request.scope, receive)
            with pytest.raises(ClientGone):
                await handlers.call_hub_in_turn(gone, slots, lambda _hub, _caller: began.append("gone"))

    asyncio.run(run())
    assert not began
