from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.server import fair_calls
from entrepot.server.fair_calls import FairCalls
from entrepot.settings import Settings


def scope(address: str, token: str | None = None) -> dict[str, Any]:
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    return {"type": "http", "client": (address, 1), "headers": headers}


@pytest.fixture
def fair() -> FairCalls:
    return FairCalls(Settings(data=Path()))


def test_who_is_nobody_in_particular_counts_for_the_address(fair: FairCalls) -> None:
    sender = fair.sender_of(scope("192.0.2.1"))
    assert sender != fair.sender_of(scope("192.0.2.2"))
    assert sender == fair.sender_of(scope("192.0.2.1", "hf_made_up")) == fair.sender_of(scope("192.0.2.1", "hf_other"))
    assert fair.sender_of(scope("2001:db8::1")) == fair.sender_of(scope("2001:db8::2"))


def test_all_tokens_of_an_account_count_for_it_from_every_address(fair: FairCalls) -> None:
    for token in ("hf_one", "hf_two"):
        fair.learn(scope("192.0.2.1", token), "alice")
    fair.learn(scope("192.0.2.1", "hf_three"), "bob")
    senders = {fair.sender_of(scope(f"192.0.2.{n}", token)) for n in (1, 2) for token in ("hf_one", "hf_two")}
    assert len(senders) == 1
    assert not senders & {fair.sender_of(scope("192.0.2.1", "hf_three")), fair.sender_of(scope("192.0.2.1"))}


def test_it_does_not_remember_more_and_more(fair: FairCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_calls, "_REMEMBERED", 3)
    for number in range(10):
        fair.learn(scope("192.0.2.1", f"hf_{number}"), "alice")
        assert len(fair._accounts) <= 3


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 1), (3, 1), (16, 8)])
def test_a_sender_gets_half_of_the_threads_and_at_least_one(threads: int, most: int) -> None:
    fair = FairCalls(Settings(data=Path(), short_threads=threads, transfer_threads=threads))
    assert (fair.short._most, fair.transfers._most) == (most, most)
