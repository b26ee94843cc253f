from __future__ import annotations

import socket

import pytest

from entrepot.errors import ConfigError
from entrepot.server.addresses import Address, reserved


def test_port_zero_stands_for_a_free_port_that_workers_can_share() -> None:
    with reserved("127.0.0.1", 0) as address:
        assert address.port > 0
        for _ in range(2):
            worker = socket.socket()
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind((address.ip, address.port))
            worker.listen()
            worker.close()


def test_an_address_says_how_it_is_spoken_to() -> None:
    assert Address("0.0.0.0", 80).url == "http://127.0.0.1:80"
    assert Address("::", 443, is_secure=True).url == "https://[::1]:443"


def test_a_name_stands_for_its_address() -> None:
    with reserved("localhost", 0) as address:
        assert address.ip in ("127.0.0.1", "::1")


def test_a_taken_port_is_refused_even_when_its_owner_would_share_it() -> None:
    with socket.socket() as owner:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        owner.bind(("127.0.0.1", 0))
        owner.listen()
        with pytest.raises(ConfigError, match="in use"), reserved("127.0.0.1", owner.getsockname()[1]):
            raise AssertionError


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_an_address_of_nowhere_is_refused(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen|expected 0 to 65535"), reserved(host, port):
        raise AssertionError


def test_the_url_is_reachable_from_this_machine() -> None:
    assert Address("0.0.0.0", 80).url == "http://127.0.0.1:80"
    assert Address("::", 80).url == "http://[::1]:80"
    assert Address("10.0.0.1", 80).url == "http://10.0.0.1:80"
