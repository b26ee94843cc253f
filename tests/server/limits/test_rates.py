from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Iterator
from typing import Any

import attrs
import httpx2
import msgspec
import pytest
from huggingface_hub import HfApi
from starlette.types import Message, Receive, Scope, Send

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.limits.rate_counts import RateCounts
from entrepot.server.app import make_app
from entrepot.server.limits.rates import RateLimits, kind_of, limited, shared_counts
from entrepot.server.limits.senders import senders_of
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.work import count_lines

HERE = pathlib.Path("data")


class Clock:
    """A clock that advances only on request."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def application(scope: Scope, _receive: Receive, send: Send) -> None:
    """Respond 200 for the token ``good``, else 401."""
    header = dict(scope["headers"]).get(b"authorization")
    if header == b"Bearer good":
        scope["state"]["caller"] = "alice"
    status = 401 if header not in (None, b"Bearer good") else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def call(
    limits: RateLimits, path: str = "/api/models", token: str | None = None, **more: Any
) -> tuple[int, dict[str, str]]:
    """Return status and headers of a response."""
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {"type": "http", "path": path, "headers": headers, "client": ("192.0.2.1", 1), "state": {}} | more
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        said.append(message)

    asyncio.run(limits(scope, receive, send))
    return said[0]["status"], {name.decode(): value.decode() for name, value in said[0]["headers"]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(application, Settings(data=HERE, rate_limit_api=2, rate_limit_resolve=1), clock=clock)


def test_one_request_too_many_waits_for_the_next_window(limits: RateLimits, clock: Clock) -> None:
    assert call(limits)[1] == {"ratelimit": '"api";r=1;t=300', "ratelimit-policy": '"fixed window";"api";q=2;w=300'}
    clock.now_s += 100.5
    assert call(limits)[1]["ratelimit"] == '"api";r=0;t=200'
    status, headers = call(limits)
    assert (status, headers["retry-after"], headers["ratelimit"]) == (429, "200", '"api";r=0;t=200')
    assert "try again in 200 s" in headers["x-error-message"]
    clock.now_s += 199.5
    assert call(limits)[0] == 200


def test_kinds_are_counted_apart_and_the_rest_not_at_all(limits: RateLimits) -> None:
    assert [call(limits, "/alice/m/resolve/main/a")[0] for _ in range(2)] == [200, 429]
    assert call(limits)[0] == 200
    for path in ("/healthz", "/alice/m.git/info/refs", "/_lfs/objects/x", "/alice/m/raw/main/a"):
        assert [call(limits, path) for _ in range(3)] == [(200, {})] * 3


def test_a_token_that_is_one_has_a_count_of_its_own(limits: RateLimits) -> None:
    # The first request of a token counts for the address: the token is not yet known.
    assert [call(limits, token="good")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert [call(limits)[0] for _ in range(2)] == [200, 429]


def test_made_up_tokens_gain_nothing(limits: RateLimits) -> None:
    assert [call(limits, token=f"bad{number}")[0] for number in range(3)] == [401, 401, 429]


def test_addresses_are_counted_apart(limits: RateLimits) -> None:
    for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert [call(limits, client=(host, 1))[0] for _ in range(3)] == [200, 200, 429]
    assert call(limits, client=("2001:db8::2", 1))[0] == 429
    assert call(limits, client=("2001:db8:0:1::1", 1))[0] == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("127.0.0.1", b"198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", b"6.6.6.6, 198.51.100.7, 127.0.0.1", "198.51.100.7"),
        ("127.0.0.1", b"127.0.0.1", "127.0.0.1"),
        ("192.0.2.1", b"198.51.100.7", "192.0.2.1"),
        ("::ffff:192.0.2.1", b"", "192.0.2.1"),
    ],
)
def test_an_address_is_believed_of_trusted_proxies_only(peer: str, forwarded: bytes, expected: str) -> None:
    settings = Settings(data=HERE, trusted_proxies=("127.0.0.1", "::1"))
    scope: Any = {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded)] if forwarded else []}
    plain: Any = {"client": (expected, 1), "headers": []}
    assert senders_of(scope, settings) == senders_of(plain, settings)


def test_without_a_limit_nothing_stands_before_the_application(tmp_path: pathlib.Path) -> None:
    for settings, has_limits, is_shared in (
        (Settings(data=tmp_path), False, False),
        (Settings(data=tmp_path, workers=2), False, False),
        (Settings(data=tmp_path, rate_limit_resolve=5), True, False),
        (Settings(data=tmp_path, rate_limit_resolve=5, workers=2), True, True),
        (Settings(data=tmp_path, rate_limit_api=5, database="postgresql:///hub"), True, True),
    ):
        shared = shared_counts(settings)
        assert (shared is not None) is is_shared
        hub = open_hub(msgspec.structs.replace(settings, database=""), fsync=False)
        assert isinstance(limited(application, hub, shared), RateLimits) is has_limits
        hub.close()


def test_processes_that_share_counts_have_one_limit(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    opened = open_hub(Settings(data=tmp_path, rate_limit_api=3, workers=2), fsync=False)
    hub = attrs.evolve(opened, now_ms=lambda: int(clock() * 1000))
    counts = [RateCounts(300_000), RateCounts(300_000)]
    one, two = (RateLimits(application, hub.settings, clock=clock, shared=shared) for shared in counts)
    assert call(one)[1]["ratelimit"] == '"api";r=2;t=200'  # windows begin at multiples of their length
    assert call(two)[0] == 200
    for shared in counts:
        shared.flush(hub)
    assert call(two)[1]["ratelimit"] == '"api";r=0;t=200'
    assert call(two)[0] == 429
    clock.now_s += 200
    assert call(two)[1]["ratelimit"] == '"api";r=2;t=300'
    hub.close()


def test_requests_are_counted_by_their_path() -> None:
    paths = {"/api/models/a/b/tree/main": "api", "/datasets/a/b/resolve/main/x": "resolve", "/metrics": None}
    assert {path: kind_of({"path": path}) for path in paths} == paths


def test_counting_takes_little_work(clock: Clock) -> None:
    limits = RateLimits(application, Settings(data=HERE, rate_limit_api=10**9), clock=clock)
    headers = [(b"authorization", b"Bearer good"), *((b"x-%d" % number, b"x") for number in range(10))]

    async def run(app: Any) -> None:
        async def send(_message: Message) -> None: ...

        for _ in range(100):
            scope = {"type": "http", "path": "/api/models", "headers": headers, "client": ("192.0.2.1", 1), "state": {}}
            await app(scope, None, send)

    counted = count_lines(lambda: asyncio.run(run(limits)))
    uncounted = count_lines(lambda: asyncio.run(run(application)))
    assert counted - uncounted < 100 * 150, "lines of Python for each request"


@pytest.fixture
def hub_url(tmp_path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """A hub with a limit of four requests in two seconds, and a token."""
    hub = open_hub(Settings(data=tmp_path / "data", port=0), fsync=False)
    accounts.create_user(hub, "alice")
    token = accounts.create_token(hub, "alice", role="write").secret
    strict = RateLimits(make_app(hub), Settings(data=HERE, rate_limit_api=4), window_s=2.0)
    with running(strict) as address:
        yield address.url, token
    hub.close()


def test_the_real_client_waits_and_tries_again(hub_url: tuple[str, str]) -> None:
    url, token = hub_url
    api = HfApi(endpoint=url, token=token)
    seen = [httpx2.get(f"{url}/api/models").status_code for _ in range(6)]
    assert 429 in seen
    assert list(api.list_models()) == []
