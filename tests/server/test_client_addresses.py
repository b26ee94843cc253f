from __future__ import annotations

import pathlib
from typing import Any

import pytest

from entrepot.server.client_addresses import client_address, is_local, network_of, network_text
from entrepot.settings import Settings

SETTINGS = Settings(data=pathlib.Path(), trusted_proxies=("10.0.0.0/8", "127.0.0.1", "2001:db8::1"))


def scope_of(peer: str | None, *headers: tuple[str, str]) -> Any:
    return {
        "client": (peer, 1) if peer is not None else None,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("peer", "chains", "expected"),
    [
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.3"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, \xff\xfe, 10.0.0.3"], "10.0.0.3"),
        ("127.0.0.1", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        (None, ["198.51.100.7"], ""),
    ],
)
def test_only_what_trusted_proxies_wrote_counts(peer: str | None, chains: list[str], expected: str) -> None:
    assert client_address(scope_of(peer, *(("x-forwarded-for", chain) for chain in chains)), SETTINGS) == expected


def test_no_one_is_believed_by_default() -> None:
    scope = scope_of("127.0.0.1", ("x-forwarded-for", "198.51.100.7"))
    assert client_address(scope, Settings(data=pathlib.Path())) == "127.0.0.1"


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_process_of_this_machine_is_local(peer: str) -> None:
    assert is_local(scope_of(peer, ("host", "localhost:8080")))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1@evil.example", ""])
def test_a_request_for_another_host_is_not_local(host: str) -> None:
    assert not is_local(scope_of("127.0.0.1", ("host", host)))


@pytest.mark.parametrize(
    "name",
    [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-real-ip",
        "x-client-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "x-original-forwarded-for",
        "x-envoy-external-address",
    ],
)
def test_a_proxy_on_this_machine_is_not_local(name: str) -> None:
    assert not is_local(scope_of("127.0.0.1", (name, "")))


@pytest.mark.parametrize("peer", ["10.0.0.1", "", None, "localhost"])
def test_other_peers_are_not_local(peer: str | None) -> None:
    assert not is_local(scope_of(peer))


def test_a_customer_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("nonsense") == b"unknown"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_a_network_is_written_as_people_know_it(address: str, network: str) -> None:
    assert network_text(address) == network
