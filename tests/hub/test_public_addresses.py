from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from entrepot.errors import Refused
from entrepot.hub.public_addresses import NotPublic, canonical_host, is_public, resolve

INSIDE = [
    # IPv4, both ends of each range
    *("0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1"),
    *("127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.9"),
    *("192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.0", "192.168.255.255"),
    *("192.175.48.1", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.255", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "168.63.129.16"),
    # IPv6
    *("::", "::1", "::2", "::ffff:0:0", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1"),
    *("::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::192.168.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::1", "64:ff9b:0:1::1", "100::1", "100:0:0:1::1"),
    *("2001::1", "2001:0:1::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "3ffe::1"),
    *(
        "5f00::1",
        "4000::1",
        "1fff::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "fec0::1",
        "feff::1",
    ),
    *("ff02::1", "ff0e::1", "2a00::5efe:10.0.0.1", "2a00::200:5efe:192.168.0.1", "2606:2800:220:1::1%1"),
    # not an address
    *("", "localhost", "1.2.3", "0x7f.1", "08.8.8.8", "1.2.3.4.5", "::g"),
]


@pytest.mark.parametrize("ip", INSIDE)
def test_addresses_that_lead_inside_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        *("8.8.8.8", "93.184.216.34", "1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
        *("172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2606:2800:220:1::1", "2a00:1450:4001::1", "2001:200::1", "2001:4860:4860::8888", "2003::1"),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00::5efe:8.8.8.8"),
    ],
)
def test_addresses_of_the_internet_are_public(ip: str) -> None:
    assert is_public(ip)


def test_nothing_that_python_calls_private_is_public() -> None:
    for number in range(0, 2**32, 65_521 * 7):
        address = ipaddress.IPv4Address(number)
        if not address.is_global or address.is_multicast:
            assert not is_public(str(address)), address


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        *(("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("0177.0.0.01", "127.0.0.1"), ("127.1", "127.0.0.1")),
        *(("10.1", "10.0.0.1"), ("127.0.0.1.", "127.0.0.1"), ("[::1]", "::1"), ("0:0:0:0:0:0:0:1", "::1")),
        *(("[::FFFF:127.0.0.1]", "::ffff:7f00:1"), ("Example.ORG.", "example.org"), ("a_b.example", "a_b.example")),
        *(("b\u00fccher.example", "xn--bcher-kva.example"), ("\uff11\uff12\uff17.0.0.1", "127.0.0.1")),
    ],
)
def test_every_spelling_of_a_host_becomes_one(host: str, canonical: str) -> None:
    name = canonical_host(host)
    assert ipaddress.ip_address(name) == ipaddress.ip_address(canonical) if ":" in canonical else name == canonical


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a.example", "a b", "a/b", "%31%32%37.0.0.1", "[fe80::1%eth0]", "a" * 300, "a\nb", "a@b"]
)
def test_a_text_that_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="is not a host name"):
        canonical_host(host)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("8.8.8.8", "8.8.4.4", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(NotPublic, match=r"rebinding\.example is at 10\.0\.0\.1, which is not a public address"):
        resolve("rebinding.example", 80, allows_private=False)
    assert resolve("rebinding.example", 80, allows_private=True) == ["8.8.8.8", "8.8.4.4", "10.0.0.1"]


def test_an_address_is_named_once() -> None:
    with pytest.raises(NotPublic, match=r"^203\.0\.113\.9 is not a public address$"):
        resolve("203.0.113.9", 80, allows_private=False)


def test_a_host_that_is_none_cannot_be_resolved() -> None:
    with pytest.raises(OSError, match="is not a host name"):
        resolve("a b", 80, allows_private=True)
