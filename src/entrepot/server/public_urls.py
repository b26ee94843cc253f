"""The public URL of the hub and its path prefix.

Without ``base_url``, the origin of URLs in responses comes from the request. The
client or a proxy controls the ``Host`` header, so only known hosts are used: an
unknown one is refused wherever a URL is needed.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from urllib.parse import urlsplit

from starlette.types import Scope

from entrepot.errors import Malformed
from entrepot.server.client_addresses import is_loopback
from entrepot.settings import Settings

_AUTHORITY = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def base_url(scope: Scope, settings: Settings) -> str:
    """Return scheme, host, port and path prefix of the hub, without a trailing slash.

    This is the setting ``base_url``, if set; else the origin in the request,
    or a trusted proxy's ``X-Forwarded-Proto`` and ``X-Forwarded-Host``.

    Raises:
        Malformed: the request names no host, several hosts, or an unknown one.
    """
    if settings.base_url:
        return settings.base_url
    values: dict[bytes, list[str]] = {b"host": [], b"x-forwarded-proto": [], b"x-forwarded-host": []}
    for name, value in scope["headers"]:
        if name in values:
            values[name].append(value.decode("latin-1"))
    client, scheme, hosts = scope.get("client"), scope.get("scheme", "http"), values[b"host"]
    if client and settings.trusts(client[0]):
        scheme = _first(values[b"x-forwarded-proto"]) or scheme
        forwarded = _first(values[b"x-forwarded-host"])
        hosts = [forwarded] if forwarded else hosts
    if len(hosts) > 1 or scheme not in ("http", "https"):
        raise Malformed("Host header", "it does not name a host")
    host = hosts[0] if hosts else ""
    if not host:  # HTTP/1.0
        return f"{scheme}://{_own_authority(scope)}"
    _check_host(host, scope, settings)
    return f"{scheme}://{host}"


def scheme(scope: Scope, settings: Settings) -> str:
    """Return ``https`` or ``http``: how clients reach the hub, by the settings or a trusted proxy."""
    if settings.base_url:
        return urlsplit(settings.base_url).scheme
    client, found = scope.get("client"), str(scope.get("scheme", "http"))
    if client and settings.trusts(client[0]):
        sent = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        found = _first(sent) or found
    return found


def path_prefix(settings: Settings) -> str:
    """Return the path of ``base_url``, such as ``/hub``; empty when the hub is at the root of its host."""
    return _prefix(settings.base_url)


def strip_prefix(path: str, prefix: str) -> str:
    """Return a path without the prefix; a path without the prefix is returned unchanged.

    Proxies that strip the prefix themselves and probes that connect to the
    hub directly therefore also work. Several slashes at the beginning count as
    one: clients append paths to an endpoint that ends with a slash.
    """
    path = _with_one_slash(path)
    if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("/", ""):
        return _with_one_slash(path[len(prefix) :] or "/")
    return path


def _with_one_slash(path: str) -> str:
    return "/" + path.lstrip("/") if path.startswith("//") else path


def is_known_host(host: str, port: str, bound: str, settings: Settings) -> bool:
    """Return whether a host in a ``Host`` header may be used in URLs of responses.

    Args:
        host: a name, an IPv4 address, or an IPv6 address in brackets.
        port: empty if absent.
        bound: the IP address on which the server listens.
    """
    name = host.strip("[]").lower().rstrip(".")
    if _is_allowed(name, port, settings.allowed_hosts):
        return True
    if name in ("localhost", bound.lower(), settings.host.lower()) or is_loopback(name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in machine_names()
    return not _WILDCARDS.isdisjoint((bound, settings.host)) and is_own_address(name)


@functools.cache
def machine_names() -> frozenset[str]:
    """Return the names of this machine: its short and full host name, and the name ending in ``.local``."""
    name = socket.gethostname().lower()
    names = {name, name.partition(".")[0], name.partition(".")[0] + ".local"}
    try:
        found = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)
    except OSError:
        return frozenset(names)
    return frozenset(names | {row[3].lower() for row in found if row[3]})


@functools.lru_cache(maxsize=1024)
def is_own_address(address: str) -> bool:
    """Return whether an IP address belongs to this machine, tested by binding a socket to it."""
    parsed = ipaddress.ip_address(address)
    if parsed.is_multicast or parsed.is_unspecified:
        return False
    try:
        with socket.socket(socket.AF_INET if parsed.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _check_host(host: str, scope: Scope, settings: Settings) -> None:
    match = _AUTHORITY.fullmatch(host)
    if match is None or int(match[2] or 1) not in range(1, 65_536):
        raise Malformed("Host header", "it does not name a host")
    server = scope.get("server")
    if not is_known_host(match[1], match[2] or "", server[0] if server else "", settings):
        raise Malformed(
            "Host header",
            "the hub does not know this host as its own; set 'base_url' to the address that clients use, "
            "or add the host to 'allowed_hosts'",
        )


def _is_allowed(name: str, port: str, allowed: tuple[str, ...]) -> bool:
    for entry in allowed:
        if entry == "*":
            return True
        match = _AUTHORITY.fullmatch(entry.removeprefix("*"))
        wanted, wanted_port = (match[1], match[2]) if match else (entry.removeprefix("*"), None)
        if wanted_port and wanted_port != port:
            continue
        if entry.startswith("*."):
            if name.endswith(wanted):
                return True
        elif name == wanted.strip("[]").rstrip("."):
            return True
    return False


def _own_authority(scope: Scope) -> str:
    server = scope.get("server")
    if not server:
        return "localhost"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server[0], server[0])  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{server[1]}" if server[1] else host


@functools.lru_cache(maxsize=64)
def _prefix(url: str) -> str:
    return urlsplit(url).path.rstrip("/")


def _first(values: list[str]) -> str:
    return values[0].split(",")[0].strip() if values else ""
