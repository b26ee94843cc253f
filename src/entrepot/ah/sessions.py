"""The login of this process: one immutable value that ``login`` and ``logout`` replace.

A call reads the value once, so that threads inside a call finish with the
session that they began with. The first call without a session logs in with
the defaults; after ``logout()`` none does.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from entrepot import errors
from entrepot.ah.errors import AssetHubError, NotLoggedIn, unreachable
from entrepot.client import user_warnings
from entrepot.client.calls import accounts
from entrepot.client.hubs import Hub, connect, find_token
from entrepot.client.paths import ClientPaths, current_paths, parse_endpoint
from entrepot.client.progress import Bars, Progress, Silent
from entrepot.client.tokens import parse_token
from entrepot.client.variables import ENDPOINT, variables
from entrepot.errors import ConfigError, InvalidArgument

LOG = logging.getLogger("entrepot.ah")
"""The logger of all messages about what was done; it prints nothing unless a program configures it."""
LOG.addHandler(logging.NullHandler())

_MAX_CONFIG = 64 << 10
_NOT_LOGGED_IN = "Not logged in: please first call ah.login()"


@attrs.frozen
class HubSession:
    """A hub, and the name of the account whose token the calls use."""

    hub: Hub
    user: str

    @property
    def progress(self) -> Progress:
        """The progress of transfers: bars on a terminal, unless the environment disables them."""
        return Silent() if self.hub.paths.disable_progress else Bars()


@attrs.frozen
class HubNamespace:
    """An address and a key, as the file of the T9k SDK has them; None: there is none."""

    endpoint: str | None = None
    api_key: str | None = attrs.field(default=None, repr=False)


@attrs.define
class _State:
    session: HubSession | None = None
    is_logged_out: bool = False


_OWN: contextvars.ContextVar[HubSession | None] = contextvars.ContextVar("entrepot_ah_session", default=None)
_LOCK = threading.RLock()
_STATE = _State()


def login(
    ah_host: str | None = None,
    ais_host: str | None = None,
    api_key: str | None = None,
    timeout: int | None = None,
) -> None:
    """Log in to a hub; the following calls of this process use it.

    Args:
        ah_host: URL of the hub; None takes ``ENTREPOT_ENDPOINT``, then the file of the T9k SDK.
        ais_host: accepted for scripts of the T9k SDK; one server plays both parts.
        api_key: an access token; None takes ``ENTREPOT_TOKEN``, then the file of the
            T9k SDK if it names this hub, then the last ``entrepot login``.
        timeout: seconds to wait for data before giving up.

    Raises:
        ServerUnreachable: there is no hub at this address.
        NotLoggedIn: there is no API key, or the hub does not accept it.
        ConfigError: a variable, a stored login or the file of the T9k SDK cannot be used.
    """
    session = opened(ah_host, ais_host, api_key, timeout)
    with _LOCK:
        _STATE.session, _STATE.is_logged_out = session, False


def logout() -> None:
    """Forget the session; every call raises NotLoggedIn until the next login. Stored logins are kept."""
    with _LOCK:
        _STATE.session, _STATE.is_logged_out = None, True


def current() -> HubSession:
    """Return the session of this process; the first call logs in with the defaults.

    Raises:
        NotLoggedIn: ``logout()`` was called, or there is no API key.
        ServerUnreachable, ConfigError: as :func:`login`.
    """
    own = _OWN.get()
    if own is not None:
        return own
    with _LOCK:
        if _STATE.session is None:
            if _STATE.is_logged_out:
                raise NotLoggedIn(_NOT_LOGGED_IN)
            _STATE.session = opened()
        return _STATE.session


def opened(
    ah_host: str | None = None,
    ais_host: str | None = None,
    api_key: str | None = None,
    timeout: int | None = None,
    *,
    paths: ClientPaths | None = None,
    environ: Mapping[str, str] | None = None,
) -> HubSession:
    """Return a session for these arguments without making it that of the process; see :func:`login`.

    Args:
        paths, environ: the environment; None is that of the process.
    """
    paths = _with_timeout(paths or current_paths(), timeout)
    sources = _Sources(paths, os.environ if environ is None else environ)
    endpoint = sources.endpoint() if ah_host is None else _address(ah_host)
    if ais_host is not None and parse_endpoint(ais_host) != endpoint:
        user_warnings.warn(
            f"ais_host is ignored: the hub at {endpoint} serves contents itself; leave it out",
            UserWarning,
        )
    token = sources.token(endpoint) if api_key is None else _key(api_key)
    hub = connect(endpoint, token, paths=paths, library_name="asset-hub")
    if hub.token is None:
        raise NotLoggedIn(f"{_NOT_LOGGED_IN} with an API key for {endpoint}, or run 'entrepot login'")
    with translated_login(endpoint):
        return HubSession(hub, hub.send(accounts.whoami()).name)


@contextlib.contextmanager
def translated_login(endpoint: str) -> Iterator[None]:
    """Turn the errors of a login into those of this package.

    Raises:
        NotLoggedIn: the hub does not accept the key.
        ServerUnreachable: there is no usable response.
        AssetHubError: the hub refuses for another reason.
    """
    try:
        yield
    except errors.Unauthenticated as error:
        raise NotLoggedIn(f"Unable to log in: {error}") from error
    except errors.Unavailable as error:
        raise unreachable(f"Unable to connect to the server: {error}") from error
    except errors.EntrepotError as error:
        raise AssetHubError(f"Unable to log in at {endpoint}: {error}") from error


@contextlib.contextmanager
def using(session: HubSession) -> Iterator[None]:
    """Use a session for the calls of this thread within the block, whatever that of the process is."""
    token = _OWN.set(session)
    try:
        yield
    finally:
        _OWN.reset(token)


def defaults() -> HubNamespace:
    """Return the address and the key that :func:`login` uses without arguments; no hub is asked.

    Raises:
        ConfigError: an address, a key or the file of the T9k SDK cannot be used.
    """
    sources = _Sources(current_paths(), os.environ)
    endpoint = sources.endpoint()
    return HubNamespace(endpoint, find_token(sources.paths, endpoint, sources.token(endpoint)))


def read_configuration(environ: Mapping[str, str]) -> HubNamespace:
    """Read ``$T9K_CONFIG`` or ``~/.t9k/t9k-config.yaml``, the file of the T9k SDK; without the file, nothing is set.

    Raises:
        ConfigError: the file is named by the variable and absent, or it is no YAML mapping of at most 64 KiB.
    """
    named = environ.get("T9K_CONFIG")
    path = Path(named or "~/.t9k/t9k-config.yaml").expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_CONFIG + 1)
    except FileNotFoundError:
        if named:
            raise ConfigError("T9K_CONFIG", "environment", f"there is no file {path}") from None
        return HubNamespace()
    except OSError as error:
        raise ConfigError("T9K_CONFIG", str(path), error.strerror or str(error)) from error
    if len(data) > _MAX_CONFIG:
        raise ConfigError("T9K_CONFIG", str(path), f"the file has more than {_MAX_CONFIG:,} bytes")
    return _parsed(data, path)


def _parsed(data: bytes, path: Path) -> HubNamespace:
    import yaml

    try:
        found: Any = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        # The message of the parser quotes the line, which may hold the key.
        raise ConfigError("T9K_CONFIG", str(path), "the file is not YAML") from None
    if found is None:
        return HubNamespace()
    if not isinstance(found, dict):
        raise ConfigError("T9K_CONFIG", str(path), "expected a mapping with asset_hub_host and api_key")
    host, key = found.get("asset_hub_host") or None, found.get("api_key") or None
    for name, value in (("asset_hub_host", host), ("api_key", key)):
        if value is not None and not isinstance(value, str):
            raise ConfigError("T9K_CONFIG", str(path), f"{name} must be text")
    endpoint = parse_endpoint(host, source=f"file {path}") if host else None
    return HubNamespace(endpoint, parse_token(key, f"file {path}") if key else None)


def _with_timeout(paths: ClientPaths, timeout: int | None) -> ClientPaths:
    if timeout is None:
        return paths
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds, not {type(timeout).__name__}")
    if not 0 < timeout <= 86_400:
        raise InvalidArgument(f"timeout is {timeout}: expected a number of seconds above 0, at most one day")
    return attrs.evolve(paths, download_timeout_s=float(timeout), etag_timeout_s=float(timeout))


def _address(ah_host: str) -> str:
    try:
        return parse_endpoint(ah_host, source="argument 'ah_host'")
    except ConfigError as error:
        raise unreachable(f"Unable to connect to the server: {error}") from error


def _key(api_key: str) -> str:
    try:
        return parse_token(api_key, "argument 'api_key'")
    except ConfigError as error:
        raise NotLoggedIn(f"Unable to log in: {error}") from error


@attrs.define
class _Sources:
    """The environment, and the file of the T9k SDK, which is read only for what the environment lacks."""

    paths: ClientPaths
    environ: Mapping[str, str]
    _file: HubNamespace | None = None

    def endpoint(self) -> str:
        """Return the address of the hub."""
        if ENDPOINT in variables(self.environ).values:
            return self.paths.endpoint
        return self._settings().endpoint or self.paths.endpoint

    def token(self, endpoint: str) -> str | None:
        """Return the key of the environment, or that of the file if it names this hub; None: that of the last login."""
        found = self.paths.token_for(endpoint)
        if found is None and self._settings().endpoint == endpoint:
            found = self._settings().api_key
        return found

    def _settings(self) -> HubNamespace:
        if self._file is None:
            self._file = read_configuration(self.environ)
        return self._file
