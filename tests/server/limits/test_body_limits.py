from __future__ import annotations

import asyncio
import pathlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.types import Message

from entrepot.errors import BodyTooSlow, TooManyBodies
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files import lfs, xet_tokens
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType, Sha256
from entrepot.server.app import make_app
from entrepot.server.certificates import Certificate
from entrepot.server.limits.body_limits import BodyLimits
from entrepot.settings import Settings
from tests.support.running_apps import running


def limits_of(clock: Any, **settings: Any) -> BodyLimits:
    return BodyLimits(Settings(data=pathlib.Path(), **settings), clock=clock)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Peer:
    """Sends given messages and advances the clock meanwhile."""

    def __init__(self, clock: Clock, *steps: tuple[float, bytes]) -> None:
        self.clock = clock
        self.steps = list(steps)

    async def __call__(self) -> Message:
        pause_s, data = self.steps.pop(0)
        self.clock.now_s += pause_s
        return {"type": "http.request", "body": data, "more_body": bool(self.steps)}


async def silent() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("never")


def drain(limits: BodyLimits, peer: Any) -> int:
    async def read() -> int:
        body, total = limits.admit(b"a", peer), 0
        while True:
            message = await body.receive()
            total += len(message["body"])
            if not message["more_body"]:
                return total

    return asyncio.run(read())


def test_a_slow_and_honest_link_passes() -> None:
    clock = Clock()
    limits = limits_of(clock)
    assert drain(limits, Peer(clock, *[(1.0, b"x" * 10_240)] * 600)) == 6_144_000
    assert limits.count == 0


def test_a_link_that_pauses_for_less_than_the_timeout_passes() -> None:
    clock = Clock()
    limits = limits_of(clock)
    assert drain(limits, Peer(clock, *[(50.0, b"x" * 100_000)] * 20)) == 2_000_000


def test_a_drip_is_cut_although_it_is_never_silent_for_long() -> None:
    clock = Clock()
    limits = limits_of(clock)
    peer = Peer(clock, *[(1.0, b"x")] * 600)
    with pytest.raises(BodyTooSlow):
        drain(limits, peer)
    assert 600 - len(peer.steps) <= 62
    assert limits.count == 0


def test_a_fast_beginning_buys_no_slow_end() -> None:
    clock = Clock()
    limits = limits_of(clock)
    peer = Peer(clock, (0.0, b"x" * (100 << 20)), *[(1.0, b"x")] * 600)
    with pytest.raises(BodyTooSlow):
        drain(limits, peer)
    assert 600 - len(peer.steps) <= 62


def test_time_that_the_server_takes_itself_does_not_count() -> None:
    async def main() -> None:
        clock = Clock()
        body = limits_of(clock).admit(b"a", Peer(clock, *[(0.1, b"x")] * 5))
        for _ in range(5):
            clock.now_s += 1000.0
            await body.receive()

    asyncio.run(main())


def test_a_handler_may_wait_for_the_disconnection_of_its_peer_as_long_as_it_works() -> None:
    messages = iter(
        list[Message]([{"type": "http.request", "body": b"all", "more_body": False}, {"type": "http.disconnect"}])
    )

    async def receive() -> Message:
        message = next(messages)
        if message["type"] == "http.disconnect":
            await asyncio.sleep(0.3)
        return message

    async def work() -> Message:
        body = limits.admit(b"a", receive)
        await body.receive()
        return await body.receive()

    limits = limits_of(Clock())
    limits.period_s = 0.1
    assert asyncio.run(work()) == {"type": "http.disconnect"}


def test_a_silent_body_gives_way_to_a_new_one_of_its_address() -> None:
    async def main() -> None:
        clock = Clock()
        limits = limits_of(clock, max_bodies_per_address=2)
        first, second = (limits.admit(b"a", silent) for _ in range(2))
        waits = [asyncio.create_task(body.receive()) for body in (first, second)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyBodies, match="from one address"):
            limits.admit(b"a", silent)
        limits.admit(b"b", silent)  # other addresses are not affected
        clock.now_s += 2.0
        limits.admit(b"a", silent)
        with pytest.raises(BodyTooSlow):
            await waits[0]
        assert not waits[1].done()
        waits[1].cancel()
        assert limits.count == 3

    asyncio.run(main())


def test_there_is_a_limit_over_all_addresses() -> None:
    async def main() -> None:
        clock = Clock()
        limits = limits_of(clock, max_bodies=3)
        bodies = [limits.admit(b"%d" % number, silent) for number in range(3)]
        clock.now_s += 2.0
        with pytest.raises(TooManyBodies, match="in all"):  # no one waits for a byte: the server is busy
            limits.admit(b"z", silent)
        limits.release(bodies[0])
        limits.admit(b"z", silent)
        limits.release(bodies[0])  # a second call does nothing
        assert limits.count == 3

    asyncio.run(main())


def test_a_body_that_has_ended_leaves_its_place_to_others_of_its_address() -> None:
    limits = limits_of(Clock(), max_bodies_per_address=1)
    for _ in range(3):
        limits.release(limits.admit(b"a", silent))
    limits.admit(b"a", silent)
    with pytest.raises(TooManyBodies, match="from one address"):
        limits.admit(b"a", silent)


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_the_body_that_has_been_silent_longest_gives_way_as_soon_as_it_may(size: int) -> None:
    async def main() -> None:
        clock = Clock()
        limits = limits_of(clock, max_bodies_per_address=2)
        peer = Peer(clock, (0.5, b"x" * size), (0.0, b"y"))
        first, second = limits.admit(b"a", peer), limits.admit(b"a", silent)
        await first.receive()
        waits = [asyncio.create_task(second.receive())]
        await asyncio.sleep(0)
        clock.now_s += 0.5  # a second after the second body came, and half of one after the first has sent something
        limits.admit(b"a", silent)
        with pytest.raises(BodyTooSlow):
            await waits[0]
        assert (await first.receive())["body"] == b"y"

    asyncio.run(main())


def test_a_body_that_has_used_most_of_its_time_is_not_waited_for_again() -> None:
    async def main() -> None:
        clock = Clock()
        peer = Peer(clock, (59.99, b"x"), (0.0, b"y"))
        body = limits_of(clock).admit(b"a", lambda: peer() if len(peer.steps) == 2 else silent())
        await body.receive()
        async with asyncio.timeout(30):
            with pytest.raises(BodyTooSlow):
                await body.receive()

    asyncio.run(main())


def test_an_address_that_got_no_place_is_forgotten() -> None:
    limits = limits_of(Clock(), max_bodies=1)
    limits.admit(b"a", silent)
    with pytest.raises(TooManyBodies, match="in all"):
        limits.admit(b"b", silent)
    assert list(limits._by_address) == [b"a"]


def test_nothing_more_is_read_of_a_body_that_was_too_slow() -> None:
    async def main() -> None:
        clock = Clock()
        body = limits_of(clock).admit(b"a", Peer(clock, (61.0, b"x"), (0.0, b"y" * (1 << 20)), (0.0, b"z")))
        for _ in range(2):
            with pytest.raises(BodyTooSlow):
                await body.receive()

    asyncio.run(main())


@pytest.fixture
def hub(tmp_path: pathlib.Path) -> Iterator[HubContext]:
    settings = Settings(data=tmp_path / "data", body_timeout_s=1, min_body_rate=1024)
    opened = open_hub(settings, fsync=False)
    accounts.create_user(opened, "alice")
    yield opened
    opened.close()


ROUTES = [
    ("POST", "/api/models/alice/m/commit/main", "application/x-ndjson"),
    ("POST", "/api/models/alice/m/preupload/main", "application/json"),
    ("POST", "/api/repos/create", "application/json"),
    ("POST", "/alice/m.git/info/lfs/objects/batch", "application/vnd.git-lfs+json"),
    ("POST", "/alice/m.git/git-upload-pack", "application/x-git-upload-pack-request"),
    ("POST", "/alice/m.git/git-receive-pack", "application/x-git-receive-pack-request"),
    ("POST", "/uploads", "image/png"),
    ("POST", "/api/validate-yaml", "application/json"),
    ("GET", "/healthz", "text/plain"),
    ("GET", "/api/models", "text/plain"),
    ("PUT", "/no/such/route/at/all", "text/plain"),
    ("OPTIONS", "/api/models", "text/plain"),
]


@pytest.mark.parametrize(("method", "path", "media"), ROUTES, ids=[f"{row[0]} {row[1]}" for row in ROUTES])
def test_every_route_ends_a_stalled_body(hub: HubContext, method: str, path: str, media: str) -> None:
    token = accounts.create_token(hub, "alice", role="write").secret
    with running(make_app(hub)) as address:
        httpx2.post(
            f"{address.url}/api/repos/create",
            json={"name": "m"},
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        ).raise_for_status()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        with socket.create_connection((address.ip, address.port), timeout=240) as peer:
            peer.sendall(f"{head}Content-Type: {media}\r\nContent-Length: 100000\r\n\r\n{{".encode())
            answer = b""
            while piece := peer.recv(65536):  # ends because the server closes the connection
                answer += piece
    assert answer.startswith(b"HTTP/1.1 ")
    assert int(answer.split()[1]) in (200, 204, 401, 404, 405, 408)


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_every_transfer_ends_a_stalled_body(hub: HubContext, pems: Any, *, is_secure: bool) -> None:
    token = accounts.create_token(hub, "alice", role="write").secret
    alice = hub.identify(token)
    ref = repositories.create(hub, alice, NewRepo(RepoType.MODEL, "m")).ref
    files = [
        lfs.RequestedObject(Sha256(f"{number:064x}"), size)
        for number, size in ((1, 100_000), (2, hub.settings.multipart_threshold + 1))
    ]
    whole, parted = (plan.link for plan in lfs.plan_uploads(hub, alice, ref, files, takes_parts=True))
    assert isinstance(whole, SignedUrl)
    assert isinstance(parted, lfs.MultipartUpload)
    issued = xet_tokens.issue_write(hub, alice, ref, "main")
    store, secret = f"/xet/{issued.store}", issued.secret
    targets = [("PUT", f"{link.path}?{urlencode(link.query)}", "") for link in (whole, parted.links[0])]
    targets += [("POST", f"{store}{path}", secret) for path in (f"/v1/xorbs/default/{'0' * 64}", "/v1/shards")]
    targets.append(("POST", "/api/models/alice/m/files/main", token))
    trusted = ssl.create_default_context(cafile=pems.authority)
    certificate = Certificate(pems.cert, pems.key) if is_secure else None
    with running(make_app(hub), certificate=certificate) as address:
        for method, path, bearer in targets:
            with socket.create_connection((address.ip, address.port), timeout=240) as plain, ExitStack() as stack:
                peer = plain
                if is_secure:
                    peer = stack.enter_context(trusted.wrap_socket(plain, server_hostname=address.ip))
                size = 100_000 if path.startswith(whole.path) or bearer else parted.part_size
                head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
                peer.sendall(f"{head}Authorization: Bearer {bearer}\r\n\r\n{{".encode())
                answer = peer.recv(65536)
                assert answer.split()[1] == b"408", (path, answer)


def test_a_thousand_stalled_bodies_leave_room_for_others(tmp_path: pathlib.Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data", max_bodies_per_address=100), fsync=False)
    accounts.create_user(hub, "alice")
    token = accounts.create_token(hub, "alice", role="write").secret
    headers = {"authorization": f"Bearer {token}"}
    stalled = (
        f"POST /api/validate-yaml HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
    ).encode()
    with running(make_app(hub)) as address, ExitStack() as stack:
        for _ in range(1000):
            peer = stack.enter_context(socket.create_connection((address.ip, address.port), timeout=240))
            peer.sendall(stalled)
        with httpx2.Client(base_url=address.url, headers=headers, trust_env=False, timeout=240) as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/whoami-v2").json()["name"] == "alice"
            for _ in range(5000):  # as soon as one of the stalled bodies has been silent for a second
                made = client.post("/api/repos/create", json={"name": "m"})
                if made.status_code != 503:
                    break
            assert made.status_code == 200
    hub.close()
