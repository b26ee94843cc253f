"""Decide which IP addresses are public, for every connection to a host that a user named.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates), the
IPv6 global unicast and multicast registries, RFC 6052 and RFC 8215 (NAT64), RFC 3056 and RFC 7526 (6to4),
RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from entrepot.errors import EntrepotError, Refused, shown

_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network"
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # shared address space of carriers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and the metadata services of clouds
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # IETF protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # relays of 6to4, deprecated
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and the limited broadcast
        ),
    )
)
_METADATA_V4 = frozenset(map(IPv4Address, ("168.63.129.16",)))
"""Addresses in public ranges that a cloud serves inside its virtual machines (Azure's WireServer)."""

_GLOBAL_V6 = IPv6Network("2000::/3")
"""The only IPv6 range from which hosts of the Internet get addresses."""

_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID, ORCHIDv2, DRIP, AMT ...
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, deprecated: the address leads to any IPv4 address inside it
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
            "3ffe::/16",  # the former 6bone
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset((0x00005EFE, 0x02005EFE))
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


class NotPublic(Exception):
    """A host has an address that may not be reached."""

    def __init__(self, host: str, ip: str) -> None:
        """Name the host as it was given, and the address."""
        name = shown(host, quote=False)
        super().__init__(
            f"{name} is not a public address" if name == ip else f"{name} is at {ip}, which is not a public address"
        )


def is_public(ip: str) -> bool:
    """Return whether an address belongs to a host of the public Internet.

    False for every special-purpose range, and for an IPv6 address that leads to such an IPv4 address
    (v4-mapped, NAT64, ISATAP). 6to4, Teredo, v4-compatible and site-local addresses, and the prefix
    for local NAT64, are never public. Text that is not an address is not public either.
    """
    if "%" in ip:
        return False  # only link-local addresses have a zone
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address not in _METADATA_V4 and not any(address in network for network in _SPECIAL_V4)
    return _is_public_v6(address)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return is_public(str(address.ipv4_mapped))
    embedded = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        return is_public(str(embedded))
    if address not in _GLOBAL_V6 or any(address in network for network in _SPECIAL_V6):
        return False
    is_isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return is_public(str(embedded)) if is_isatap else True


def canonical_host(host: str) -> str:
    """Return a host as resolvers read it: an address in its usual form, or a lower-case name without a final dot.

    IPv4 addresses in octal, decimal, hexadecimal or shortened spelling become dotted decimals.

    Raises:
        Refused: it is neither an address nor a host name (zones and percent-encoding included).
    """
    text = host.removeprefix("[").removesuffix("]").lower()
    if "%" not in text:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            pass
    text = text.removesuffix(".")
    try:
        text.encode("ascii")
    except UnicodeEncodeError:
        try:
            text = text.encode("idna").decode()
        except UnicodeError:
            raise Refused(f"{shown(host)} is not a host name") from None
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise Refused(f"{shown(host)} is not a host name")
    try:
        # curl, git and browsers accept every address that inet_aton accepts.
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return text


def resolve(host: str, port: int, *, allows_private: bool) -> list[str]:
    """Return the addresses of a host, in order of preference.

    Args:
        host: a name or an address, in any form.
        port: passed on to the resolver.
        allows_private: also return addresses that are not public.

    Guarantees: if one address is not public, none is returned, so a name with a public and a private
    address cannot be used to reach the private one. Connect to the returned addresses, not to the name.

    Raises:
        NotPublic: an address of the host is not public.
        OSError: the host cannot be resolved, or is not a valid host name.
    """
    try:
        name = canonical_host(host)
    except EntrepotError as error:
        raise OSError(str(error)) from None
    found = [str(place[0]) for *_, place in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    for ip in found:
        if not allows_private and not is_public(ip):
            raise NotPublic(host, ip)
    return list(dict.fromkeys(found))
