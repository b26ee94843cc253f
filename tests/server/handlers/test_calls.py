from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from starlette.requests import Request

from entrepot.errors import ClientGone, DatabaseUnavailable, InvalidCredentials
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server.handlers import calls
from entrepot.server.limits.fair_slots import FairSlots

Ask = Callable[..., Request]


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
    assert calls.secret_of(request_of(authorization=header)) == secret


def test_who_sends_no_header_has_no_token(request_of: Ask) -> None:
    assert calls.secret_of(request_of()) is None


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Digest x", "Basic !!", "Basic \u00e9", "Basic " + "bm9jb2xvbg==", "Basic /w=="]
)
def test_a_header_that_cannot_be_read_is_no_anonymous_call(request_of: Ask, header: str) -> None:
    with pytest.raises(InvalidCredentials):
        calls.secret_of(request_of(authorization=header))


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
        assert asyncio.run(calls.call_hub(request, use_case)) == "read"
    else:
        with pytest.raises(DatabaseUnavailable):
            asyncio.run(calls.call_hub(request, use_case))
    assert len(tried) == attempts


def test_a_short_read_needs_no_thread_and_any_other_one_begins_again_in_one(request_of: Ask) -> None:
    began = list[int]()

    def use_case(hub: HubContext, _caller: object, *, is_short: bool) -> str:
        began.append(threading.get_ident())
        if not is_short:
            hub.catalog.check_may_wait()
        return "read"

    assert asyncio.run(calls.call_hub_briefly(request_of(), use_case, is_short=True)) == "read"
    assert began == [threading.get_ident()]
    assert asyncio.run(calls.call_hub_briefly(request_of(), use_case, is_short=False)) == "read"
    assert began[:2] == [threading.get_ident()] * 2
    assert len(began) == 3
    assert began[2] != began[1]


def test_errors_of_a_short_read_are_those_of_the_use_case(request_of: Ask) -> None:
    request = request_of(authorization="Bearer hf_unknown")
    with pytest.raises(InvalidCredentials):
        asyncio.run(calls.call_hub_briefly(request, lambda _hub, _caller: "read"))


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
            tasks.append(asyncio.create_task(calls.call_hub_in_turn(request, slots, use_case, name)))
            await asyncio.sleep(0.05)
        await calls.call_hub_in_turn(asked[-1][0], slots, use_case, asked[-1][1])
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
        async with calls.turn(request_of(), slots):
            request = request_of()

            async def receive() -> Any:
                return {"type": "http.disconnect"}

            gone = Request(request.scope, receive)
            with pytest.raises(ClientGone):
                await calls.call_hub_in_turn(gone, slots, lambda _hub, _caller: began.append("gone"))

    asyncio.run(run())
    assert not began
