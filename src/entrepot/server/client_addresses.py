"""The address of the client that sent a request: the peer, or the address reported by trusted proxies."""

from __future__ import annotations

import functools
import ipaddress
import re

from starlette.types import Scope

from entrepot.settings import Settings

_PROXY_HEADERS = frozenset(
    {
        b"cdn-loop", b"cf-connecting-ip", b"client-ip", b"fastly-client-ip", b"forwarded", b"true-client-ip", b"via",
        b"x-client-ip", b"x-cluster-client-ip", b"x-real-ip", b"x-request-start",
    }
)  # fmt: skip
_PROXY_PREFIXES = (b"x-forwarded", b"x-original-", b"x-envoy-", b"x-amzn-trace-id", b"x-azure-", b"x-appengine-")
"""Prefixes of headers that only proxies and load balancers write."""
_HERE = re.compile(rb"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def client_address(scope: Scope, settings: Settings) -> str:
    """Return the IP address of the client; empty if the server does not know it.

    ``X-Forwarded-For`` is read from its right end, and only as far as trusted
    proxies wrote it: the result is the rightmost address that is not a trusted
    proxy. Entries to the left of it may have been written by the client.
    """
    client = scope.get("client")
    address: str = client[0] if client else ""
    if not settings.trusted_proxies or not settings.trusts(address):
        return address
    chain = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    for hop in reversed(chain.split(",")):
        named = _parse(hop.strip())
        if named is None:
            break
        address = named
        if not settings.trusts(address):
            break
    return address


def is_local(scope: Scope) -> bool:
    """Return whether the request comes directly from a process on this machine, without a proxy.

    A request that names another host may have been sent by a browser, on behalf of a page of that host.
    """
    client = scope.get("client")
    return (
        client is not None
        and is_loopback(client[0])
        and all(_HERE.fullmatch(value) for name, value in scope["headers"] if name == b"host")
        and not any(name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES) for name, _ in scope["headers"])
    )


@functools.lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """Return whether the text is a loopback IP address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


@functools.lru_cache(maxsize=4096)
def network_of(address: str) -> bytes:
    """Return the unit that limits count as one address: for IPv6, the /64 network assigned to one customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return b"unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return mapped.packed if mapped is not None else parsed.packed[:8]
    return parsed.packed


def network_text(address: str) -> str:
    """Return the network of an address in CIDR notation, ``203.0.113.0/24``; empty if the address is unknown."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def _parse(hop: str) -> str | None:
    match = _WITH_PORT.fullmatch(hop)
    text = (match[1] or match[2]) if match else hop
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
