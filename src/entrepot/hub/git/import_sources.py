"""Sources of imports: which transports git may use, and to which addresses it may connect.

A source is checked before git uses it. For http(s), redirects are followed here, every host on the way must have
only public addresses, and git gets the last URL, pinned to the checked address, with redirects, proxies,
bundles and other transports disabled. For ssh, the host must be public; its host key protects against a name
that later resolves to another address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import attrs

from entrepot.errors import InvalidName, Refused, shown
from entrepot.errors.redactions import redact
from entrepot.hub import public_addresses
from entrepot.hub.git import guarded_http
from entrepot.hub.public_addresses import NotPublic
from entrepot.hub.webhooks import outbound_http

HINT = "if you trust it, set import_private_sources (ENTREPOT_IMPORT_PRIVATE_SOURCES=true)"

_SCP = re.compile(r"(?:[^@/:\s]+@)?(\[[^\]/]+\]|[^@/:\s\[\]]+):(?!:)(?!//).*")
# Git and ssh take other addresses apart in their own ways: '#', '%2F' and '@[' can hide the host that they connect to.
_SSH_LOGIN = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(://|::)")
_PROXIES = frozenset(("http_proxy", "https_proxy", "all_proxy", "no_proxy"))
_PORTS = {"ssh": 22, "http": 80, "https": 443}
_ALWAYS = {
    "http.followRedirects": "false",
    "http.proxy": "",
    "transfer.bundleURI": "false",
    "fetch.uriProtocols": "",
    "submodule.recurse": "false",
}


@attrs.frozen
class ImportSource:
    """A source that was checked.

    ``kind`` is file, http or ssh; ``url`` is the URL for git; ``settings`` and ``environ`` are for git. If
    ``is_guarded``, requests for its large files must be guarded too.
    """

    kind: str
    url: str = attrs.field(repr=False)
    settings: Mapping[str, str]
    environ: Mapping[str, str] = attrs.field(repr=False)
    is_guarded: bool = True

    @property
    def options(self) -> list[str]:
        """The settings as options of git."""
        return [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]


def check_source(source: str, environ: Mapping[str, str], *, allows_private: bool) -> ImportSource:
    """Return how git may fetch a source.

    Raises:
        Refused: its transport is not allowed, its host is not public or cannot be resolved.
    """
    scheme = _SCHEME.match(source)
    if scheme is None:
        if not Path(source).is_absolute() and not Path(source).exists() and (match := _SCP.fullmatch(source)):
            login = source[: match.end(1)]
            return _ssh(source, login, match[1], 22, environ, allows_private=allows_private)
        return ImportSource("file", source, {}, _only(environ, "file"))
    name = scheme[1].lower()
    if name == "file" and scheme[2] == "://":
        return ImportSource("file", source, {}, _only(environ, "file"))
    if name not in _PORTS or scheme[2] != "://":
        raise Refused(f"{shown(name)} is not a transport for imports; expected https, http, ssh or a folder")
    try:
        parts = urlsplit(source)
        port = parts.port or _PORTS[name]
    except ValueError:
        raise Refused("the source is not a URL") from None
    if not parts.hostname:
        raise Refused("the source has no host")
    if name == "ssh":
        login = source.partition("://")[2].partition("/")[0]
        return _ssh(source, login, parts.hostname, port, environ, allows_private=allows_private)
    if allows_private:
        return ImportSource("http", source, {}, _only(environ, "http:https"), is_guarded=False)
    return _http(source, environ)


def _http(source: str, environ: Mapping[str, str]) -> ImportSource:
    """Follow the redirects of the first request, and pin the last host."""
    parts = urlsplit(source)
    users, _, place = parts.netloc.rpartition("@")
    plain = urlunsplit((parts.scheme.lower(), place, parts.path.rstrip("/"), "", ""))
    suffix = "/info/refs?service=git-upload-pack"
    with guarded_http.request("GET", plain + suffix, {"User-Agent": "git/2 entrepot"}, hint=HINT) as answer:
        final = answer.url
    base = final.removesuffix(suffix)
    if base == final:
        raise Refused(f"the source redirects to {shown(redact(final))}, which is not a git repository")
    if base == plain and parts.query:
        raise Refused("the URL of a git repository cannot have a query")
    try:
        target = outbound_http.parse_target(base)
        name = public_addresses.canonical_host(target.host)
        [ip, *_] = public_addresses.resolve(name, target.port, allows_private=False)
    except NotPublic as blocked:
        raise Refused(f"{blocked}; {HINT}") from blocked
    except (OSError, InvalidName) as error:
        raise Refused(f"{shown(urlsplit(base).hostname or '')} cannot be resolved") from error
    host = f"[{name}]" if ":" in name else name
    first = (parts.scheme.lower(), public_addresses.canonical_host(parts.hostname or ""))
    is_same = (target.scheme, name, target.port) == (*first, parts.port or _PORTS[first[0]])
    login = f"{users}@" if users and is_same else ""
    url = urlunsplit(
        (target.scheme, f"{login}{host}:{target.port}", quote(target.path, safe="/%~+:@!$&'()*,;="), "", "")
    )
    pinned = f"[{ip}]" if ":" in ip else ip
    settings = {**_ALWAYS, "http.curloptResolve": f"{host}:{target.port}:{pinned}"}
    return ImportSource("http", url, settings, _without_proxies(_only(environ, target.scheme)))


def _ssh(
    source: str, login: str, host: str, port: int, environ: Mapping[str, str], *, allows_private: bool
) -> ImportSource:
    """Check the host of a source; ``login`` is the text from which git and ssh take user, host and port."""
    if not allows_private:
        if not _SSH_LOGIN.fullmatch(login):
            raise Refused("the source's user, host or port has characters that are not expected there; write user@host")
        try:
            public_addresses.resolve(host, port, allows_private=False)
        except NotPublic as blocked:
            raise Refused(f"{blocked}; {HINT}") from blocked
        except OSError as error:
            raise Refused(f"the host {shown(host)} cannot be resolved; {HINT}") from error
    return ImportSource("ssh", source, {}, _only(environ, "ssh"), is_guarded=not allows_private)


def _only(environ: Mapping[str, str], protocols: str) -> dict[str, str]:
    """Return an environment in which git uses only these transports."""
    return {**environ, "GIT_ALLOW_PROTOCOL": protocols}


def _without_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.lower() not in _PROXIES}
