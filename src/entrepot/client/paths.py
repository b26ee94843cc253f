"""Addresses, paths and defaults of the client, read from the environment.

The ``HF_*`` variables of :mod:`entrepot.client.variables` substitute for unset
``ENTREPOT_*`` variables, except for those that contain paths.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import attrs

from entrepot.client.tokens import parse_token
from entrepot.client.variables import ENDPOINT, TOKEN, Variables, variables
from entrepot.errors import ConfigError

DEFAULT_ENDPOINT = "http://127.0.0.1:8080"
"""The address on which ``entrepot serve`` listens by default."""

_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
_SOURCE = "environment"


@attrs.frozen
class ClientPaths:
    """Paths and defaults of the client. Times are in seconds; ``token`` is the token of the environment.

    ``cache`` is the folder of downloads from all hubs; ``tokens`` contains one file for
    each hub with a stored login. ``is_endpoint_given``: the environment names a
    hub, and its token is for that hub only.
    """

    endpoint: str
    home: Path
    cache: Path
    tokens: Path
    token: str | None = attrs.field(default=None, repr=False)
    is_endpoint_given: bool = False
    is_offline: bool = False
    disable_progress: bool = False
    disable_xet: bool = False
    etag_timeout_s: float = 10.0
    download_timeout_s: float = 60.0

    def token_for(self, endpoint: str) -> str | None:
        """Return the token of the environment if it is for this hub."""
        return self.token if not self.is_endpoint_given or endpoint == self.endpoint else None


def read_paths(environ: Mapping[str, str]) -> ClientPaths:
    """Read the ``ENTREPOT_*`` variables of a client; an empty variable counts as unset.

    ``ENTREPOT_ENDPOINT``, ``ENTREPOT_HOME``, ``ENTREPOT_CACHE``,
    ``ENTREPOT_TOKEN``, ``ENTREPOT_TOKEN_PATH`` (folder of stored tokens),
    ``ENTREPOT_OFFLINE``, ``ENTREPOT_DISABLE_PROGRESS``,
    ``ENTREPOT_DISABLE_XET``, ``ENTREPOT_ETAG_TIMEOUT`` and
    ``ENTREPOT_DOWNLOAD_TIMEOUT`` (seconds); unset ones are replaced by their ``HF_*`` counterparts.

    Raises:
        ConfigError: the value of a variable is invalid.
    """
    read = variables(environ)
    environ, given = read.values, read.values.get(ENDPOINT)
    home = _folder(environ, "ENTREPOT_HOME") or _user_cache()
    return ClientPaths(
        endpoint=parse_endpoint(given or DEFAULT_ENDPOINT, source=read.source(ENDPOINT)),
        home=home,
        cache=_folder(environ, "ENTREPOT_CACHE") or home / "hub",
        tokens=_folder(environ, "ENTREPOT_TOKEN_PATH") or home / "tokens",
        token=_token(read),
        # A token from an HF_* variable is not sent to a hub that a program passes as endpoint.
        is_endpoint_given=given is not None or read.source(TOKEN) != TOKEN,
        is_offline=_switch(read, "ENTREPOT_OFFLINE"),
        disable_progress=_switch(read, "ENTREPOT_DISABLE_PROGRESS"),
        disable_xet=_switch(read, "ENTREPOT_DISABLE_XET"),
        etag_timeout_s=_seconds(read, "ENTREPOT_ETAG_TIMEOUT", 10.0),
        download_timeout_s=_seconds(read, "ENTREPOT_DOWNLOAD_TIMEOUT", 60.0),
    )


def current_paths() -> ClientPaths:
    """Return the paths of this process; the environment is read at every call.

    Raises:
        ConfigError: as :func:`read_paths`.
    """
    return read_paths(os.environ)


def parse_endpoint(text: str, *, source: str = "endpoint") -> str:
    """Parse the address of a hub: ``http`` or ``https``, a host, and optionally a port and a path.

    Returns:
        The address without default port and trailing slash; everything before the path in lower case.

    Raises:
        ConfigError: the text is not such an address.
    """
    try:
        parts = urllib.parse.urlsplit(text.strip())
        port = parts.port
    except ValueError:
        # urllib's message quotes part of the address, which may contain a password.
        raise ConfigError("endpoint", source, "it is not a valid address: check the host and the port") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ConfigError("endpoint", source, "expected an address like https://hub.example.org")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("endpoint", source, "it must not contain a user, password, query or fragment")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_default = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}{'' if is_default else f':{port}'}{parts.path.rstrip('/')}"


def _user_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("entrepot", appauthor=False)


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value).expanduser() if value else None


def _token(read: Variables) -> str | None:
    text = read.values.get(TOKEN, "")
    return parse_token(text, f"variable {read.source(TOKEN)}", is_trimmed=True) if text.strip() else None


def _switch(read: Variables, name: str) -> bool:
    word = read.values.get(name, "").strip().lower()
    if word not in _YES | _NO:
        raise ConfigError(read.source(name), _SOURCE, "expected 1 or 0")
    return word in _YES


def _seconds(read: Variables, name: str, default: float) -> float:
    text = read.values.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise ConfigError(read.source(name), _SOURCE, "expected a number of seconds above 0, at most one day")
    return value
