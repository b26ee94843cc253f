"""Names of database servers are looked up within a limit, and each of their addresses is tried."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from entrepot.catalog import open_catalog
from entrepot.catalog.dialects import postgres_hosts
from entrepot.catalog.dialects.postgres_hosts import addresses_of, is_away
from entrepot.errors import DataFolderError


class Names:
    """A resolver that knows some names, and does not answer about others until it is told to."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.answering = threading.Event()

    def __call__(self, host: str, *_port: object, **_kind: object) -> list[Any]:
        self.asked.append(host)
        if host in self.silent:
            self.answering.wait(60)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.known[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield found
    found.answering.set()


@pytest.mark.parametrize(
    "options",
    [{}, {"dbname": "hub"}, {"host": "/run/postgresql"}, {"host": "192.0.2.7,::1"}, {"host": "a", "hostaddr": "::1"}],
)
def test_addresses_and_sockets_need_no_lookup(names: Names, options: dict[str, str]) -> None:
    assert addresses_of(options, 10) == {}
    assert names.asked == []


def test_each_address_of_a_name_is_tried_at_the_port_of_its_host(names: Names) -> None:
    names.known = {"one": ["192.0.2.1", "2001:db8::1"], "two": ["192.0.2.2"]}
    assert addresses_of({"host": "one,two,192.0.2.3,/run", "port": "1,2,3,4"}, 10) == {
        "host": "one,one,two,192.0.2.3,/run",
        "hostaddr": "192.0.2.1,2001:db8::1,192.0.2.2,192.0.2.3,",
        "port": "1,1,2,3,4",
    }
    assert addresses_of({"host": "two"}, 10) == {"host": "two", "hostaddr": "192.0.2.2", "port": ""}


def test_a_host_without_an_address_is_left_out_if_there_is_another_one(names: Names) -> None:
    names.known, names.silent = {"two": ["192.0.2.2"]}, {"slow-one"}
    found = addresses_of({"host": "gone,slow-one,two", "port": "5"}, 0.01)
    assert found == {"host": "two", "hostaddr": "192.0.2.2", "port": "5"}


def test_a_name_that_is_not_found_is_said_with_the_reason(names: Names) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"host 'gone': .*Name or service not known"):
        addresses_of({"host": "gone"}, 10)


def test_nobody_waits_longer_for_a_silent_resolver_and_it_is_asked_once_at_a_time(names: Names) -> None:
    names.silent, names.known = {"slow"}, {"slow": ["192.0.2.9"]}
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match="host 'slow': its name was not resolved in time"):
            addresses_of({"host": "slow"}, 0.01)
    assert names.asked == ["slow"]
    running = postgres_hosts._lookups["slow"]
    names.answering.set()
    assert running.ended.wait(60)
    assert addresses_of({"host": "slow"}, 60)["hostaddr"] == "192.0.2.9"


def test_a_catalog_whose_host_cannot_be_resolved_says_so_in_time(names: Names) -> None:
    names.silent = {"slow-host"}
    with pytest.raises(DataFolderError, match="host 'slow-host': its name was not resolved in time"):
        open_catalog("postgresql://hub@slow-host/hub", connect_s=1)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), True),
        (TimeoutError("timed out"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), False),
        (OSError(errno.EMFILE, "Too many open files"), False),
    ],
)
def test_what_is_away_does_not_even_refuse(monkeypatch: pytest.MonkeyPatch, fault: OSError, *, expected: bool) -> None:
    def fail(*_place: object) -> None:
        raise fault

    monkeypatch.setattr(socket, "create_connection", fail)
    assert is_away("192.0.2.1", 5432, 1) is expected


def test_a_port_that_listens_is_not_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not is_away("127.0.0.1", listening.getsockname()[1], 10)
