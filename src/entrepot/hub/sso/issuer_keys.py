"""Keys of issuers: fetched when they are needed, kept for an hour, and fetched again for a key that is new.

A token can name any key, so a request for an unknown one is sent at most once a minute. If the issuer does not
answer, its last keys are used for a day.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import IssuerUnavailable, Malformed, OAuthRefused, shown
from entrepot.hub.context import HubContext
from entrepot.hub.sso import issuers, signatures
from entrepot.hub.sso.issuers import Issuer
from entrepot.hub.sso.signatures import SigningKey

FRESH_MS = 3_600_000
"""How long keys are used without asking again."""

STALE_MS = 86_400_000
"""How long they are used if the issuer does not answer."""

PAUSE_MS = 60_000
"""The least time between two requests for the keys of one issuer."""

_WAITING = 4


@attrs.define
class _Known:
    """The known keys of one issuer."""

    keys: Sequence[SigningKey] = ()
    about: Mapping[str, Any] = attrs.field(factory=dict)
    fetched_ms: int | None = None
    asked_ms: int | None = None
    problem: str = ""
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    slots: threading.BoundedSemaphore = attrs.field(factory=lambda: threading.BoundedSemaphore(_WAITING))


def find_key(hub: HubContext, issuer: Issuer, kid: str | None, algorithm: str) -> SigningKey:
    """Return the key of an issuer with a name; without a name, its only key for the algorithm.

    Raises:
        OAuthRefused: the issuer has no such key.
        IssuerUnavailable: the issuer cannot be asked, or its file of keys cannot be read.
        ExtraNotInstalled: the library for signatures is missing.
    """
    signatures.require_library()
    if issuer.key_file is not None:
        return _chosen(_read_file(issuer), kid, algorithm) or _raise_unknown(issuer, kid)
    known = _state(hub.store_id, issuer.url)
    now = hub.now_ms()
    found = _chosen(known.keys, kid, algorithm)
    if found is None or known.fetched_ms is None or now - known.fetched_ms >= FRESH_MS:
        _renew_once(hub, issuer, known, must_wait=found is None)
        found = _chosen(known.keys, kid, algorithm)
    if known.fetched_ms is None or now - known.fetched_ms >= STALE_MS:
        raise IssuerUnavailable(known.problem)
    return found or _raise_unknown(issuer, kid)


def describe(hub: HubContext, issuer: Issuer) -> Mapping[str, Any]:
    """Return the metadata document of an issuer, cached as long as its keys.

    Raises:
        IssuerUnavailable: it cannot be asked.
        ExtraNotInstalled: the library for signatures is missing.
    """
    signatures.require_library()
    known = _state(hub.store_id, issuer.url)
    if known.fetched_ms is None or hub.now_ms() - known.fetched_ms >= FRESH_MS:
        _renew_once(hub, issuer, known, must_wait=known.fetched_ms is None)
    if known.fetched_ms is None or hub.now_ms() - known.fetched_ms >= STALE_MS:
        raise IssuerUnavailable(known.problem)
    return known.about


@functools.lru_cache(maxsize=256)
def _state(_store_id: str, _url: str) -> _Known:
    """Return what this process has fetched from an issuer of a hub."""
    return _Known()


def _renew_once(hub: HubContext, issuer: Issuer, known: _Known, *, must_wait: bool) -> None:
    """Renew the keys in one thread at a time; few threads wait for it, so that others are free for other requests."""
    if not known.slots.acquire(blocking=False):
        if must_wait:
            raise IssuerUnavailable("the hub is fetching the keys of the issuer; try again in a few seconds")
        return
    try:
        with known.lock:
            _renew(hub, issuer, known)
    finally:
        known.slots.release()


def _renew(hub: HubContext, issuer: Issuer, known: _Known) -> None:
    now = hub.now_ms()
    if known.asked_ms is not None and 0 <= now - known.asked_ms < PAUSE_MS:
        return
    known.asked_ms = now
    try:
        about = issuers.discover(hub, issuer.url)
        address = about.get("jwks_uri")
        if not isinstance(address, str):
            raise IssuerUnavailable(f"the issuer {shown(issuer.url)} does not publish the address of its keys")
        known.keys, known.about = signatures.parse_keys(issuers.fetch(hub, address)), about
    except IssuerUnavailable as failure:
        known.problem = failure.message
    except Malformed as failure:
        known.problem = f"the keys of the issuer {shown(issuer.url)} cannot be read: {failure.message}"
    else:
        known.fetched_ms = now


def _read_file(issuer: Issuer) -> Sequence[SigningKey]:
    assert issuer.key_file is not None, "asked for issuers with a file only"
    try:
        with issuer.key_file.open("rb") as file:
            return signatures.parse_keys(file.read(issuers.MAX_DOCUMENT))
    except (OSError, Malformed):
        raise IssuerUnavailable(f"the file of keys of the issuer {shown(issuer.url)} cannot be read") from None


def _chosen(keys: Sequence[SigningKey], kid: str | None, algorithm: str) -> SigningKey | None:
    found = [key for key in keys if key.algorithm == algorithm and kid in (None, key.kid)]
    return found[0] if len(found) == 1 else None


def _raise_unknown(issuer: Issuer, kid: str | None) -> SigningKey:
    which = "exactly one key" if kid is None else f"a key {shown(kid)}"
    raise OAuthRefused("invalid_grant", f"the token cannot be accepted: {shown(issuer.url)} does not have {which}")
