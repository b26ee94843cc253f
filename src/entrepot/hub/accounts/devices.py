"""Sign-in of programs without a browser of their own: a user accepts them on a page of the hub.

The program shows a short code, which the user types in, or opens, in a browser in which they are
signed in. Codes are stored as hashes; the one for people is hashed with the key of the hub, because it is short.
Source: docs/protocols/oauth.md, section 1; RFC 8628.
"""

from __future__ import annotations

import re
import secrets

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts import accounts, device_codes
from entrepot.catalog.accounts import oauth_grants as grant_rows
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.device_codes import ACCEPTED, REJECTED, DeviceCodeRow
from entrepot.errors import InvalidUserCode, LimitExceeded, NotAllowed, OAuthRefused, TooManyWaiting
from entrepot.hub import audit
from entrepot.hub.accounts import oauth_grants
from entrepot.hub.accounts.oauth_grants import IssuedAccess
from entrepot.hub.accounts.tokens import MAX_TOKENS
from entrepot.hub.callers import Caller, MaybeCaller, hash_secret, require_write
from entrepot.hub.context import HubContext

LIFETIME_MS = 900_000
"""How long a program can wait for a decision."""

INTERVAL_S = 5
"""Seconds between two requests of a waiting program."""

MAX_WAITING, MAX_PER_NETWORK = 1_000, 20
"""How many programs may wait: on the hub, and from one network."""

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of codes for people: no vowels, so no words; no letter looks like a digit. RFC 8628, section 6.1."""

KNOWN_CLIENTS = {"26be6b09-91c5-47da-9861-d2d2bb7a7e36": "hf auth login", "entrepot-login": "entrepot login"}
"""What clients that are public programs call themselves, by their client id."""

_KEPT_MS = 3_600_000
"""How long an expired code is kept, so that its program learns that it has expired."""

_EARLY_MS = 1_000
_CODE_LENGTH = 8
_CLIENT = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


@attrs.frozen
class DeviceOrigin:
    """The origin of a request: the address that limits count by, and the address for people."""

    network: bytes
    address: str


@attrs.frozen
class DeviceLogin:
    """The codes of a program that begins to wait: its own, and the one for the user."""

    device_code: str = attrs.field(repr=False)
    user_code: str = attrs.field(repr=False)


@attrs.frozen
class WaitingProgram:
    """A program that waits for a decision, as its user sees it.

    ``name`` is None for a client that the hub does not know: its id is whatever the program sent.
    """

    user_code: str
    client_id: str
    name: str | None
    address: str
    created_ms: int


def begin(hub: HubContext, client_id: str, origin: DeviceOrigin) -> DeviceLogin:
    """Let a program wait for a decision, and return its codes.

    Raises:
        OAuthRefused: the client id is missing or malformed.
        TooManyWaiting: too many programs wait, on the hub or from this network.
    """
    _check_client(client_id)
    now, network = hub.now_ms(), origin.network.hex()
    with hub.write(Lock.hub()) as tx:
        device_codes.remove_expired(tx, now - _KEPT_MS)
        if device_codes.count_waiting(tx, now, network) >= MAX_PER_NETWORK:
            raise TooManyWaiting(MAX_PER_NETWORK, "from one network")
        if device_codes.count_waiting(tx, now) >= MAX_WAITING:
            raise TooManyWaiting(MAX_WAITING, "on this hub")
        while True:
            device_code = secrets.token_urlsafe(32)
            user_code = "".join(secrets.choice(ALPHABET) for _ in range(_CODE_LENGTH))
            row = DeviceCodeRow(
                hash_secret(device_code), _hash(hub, user_code), client_id, network, origin.address[:64],
                now, now + LIFETIME_MS,
            )  # fmt: skip
            if device_codes.add(tx, row):
                return DeviceLogin(device_code, f"{user_code[:4]}-{user_code[4:]}")


def poll(hub: HubContext, client_id: str, device_code: str) -> IssuedAccess:
    """Return the tokens of a program that was accepted.

    Guarantees: the same response until the code expires, so that one that was lost can be repeated.

    Raises:
        OAuthRefused: ``authorization_pending``, ``slow_down``, ``access_denied``, ``expired_token``,
            or ``invalid_grant`` if the code is unknown, of another program, or its sign-in has ended.
    """
    now, device_hash = hub.now_ms(), hash_secret(device_code)
    with hub.read() as read:
        found = device_codes.find(read, device_hash)
    if found is None or found.client_id != client_id:
        raise OAuthRefused("invalid_grant", "this device code is unknown")
    if found.expires_ms <= now:
        raise OAuthRefused("expired_token", "the code has expired; start again")
    if found.decision == REJECTED:
        raise OAuthRefused("access_denied", "the sign-in was rejected")
    if found.decision is None:
        _note_poll(hub, found)
        raise OAuthRefused("authorization_pending", "the sign-in waits for a decision")
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        issued = _issue(hub, tx, device_hash, device_code)
    if issued is None:
        raise OAuthRefused("invalid_grant", "this sign-in has ended; start again")
    return issued


def waiting(hub: HubContext, caller: MaybeCaller, user_code: str) -> WaitingProgram:
    """Return the program that shows a code.

    Raises:
        LoginRequired, NotAllowed: the caller has not signed in with a browser.
        InvalidUserCode: no program is waiting with this code.
    """
    require_session(caller)
    with hub.read() as tx:
        found = device_codes.waiting(tx, _hash(hub, user_code), hub.now_ms())
    if found is None:
        raise InvalidUserCode
    shown = _letters(user_code)
    return WaitingProgram(
        f"{shown[:4]}-{shown[4:]}", found.client_id, KNOWN_CLIENTS.get(found.client_id), found.address, found.created_ms
    )


def decide(hub: HubContext, caller: MaybeCaller, user_code: str, *, accepts: bool) -> None:
    """Accept or reject the program that shows a code; the first decision counts.

    Raises:
        LoginRequired, NotAllowed: the caller has not signed in with a browser, or the session has ended meanwhile.
        AccountSuspended: an administrator of the hub has suspended the account meanwhile.
        InvalidUserCode: no program is waiting with this code.
        LimitExceeded: the caller has too many tokens.
    """
    user = require_session(caller).account
    # What ends sessions and grants must not be followed by a new grant.
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        found = device_codes.waiting(tx, _hash(hub, user_code), hub.now_ms())
        if found is None:
            raise InvalidUserCode
        if accepts and len(token_rows.of_user(tx, user.id)) >= MAX_TOKENS:
            raise LimitExceeded("the number of tokens of one user", MAX_TOKENS, "revoke some first")
        device_codes.decide(tx, found.device_hash, user.id, ACCEPTED if accepts else REJECTED)
        details: dict[str, audit.Detail] = {"client": found.client_id, "address": found.address}
        action = "device.accept" if accepts else "device.reject"
        audit.record(hub, tx, user.name, action, f"user {user.name}", details)


def require_session(caller: MaybeCaller) -> Caller:
    """Return the caller, who must have signed in with a browser: a token must not outlive itself this way.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the caller uses a token.
    """
    known = require_write(caller)
    if known.token.secret_hash:
        raise NotAllowed("Programs can be accepted in a browser only: sign in there")
    return known


def _check_client(client_id: str) -> None:
    if not _CLIENT.fullmatch(client_id):
        raise OAuthRefused("invalid_client", "the client id must be 1 to 100 letters, digits and '. _ : / -'")


def _note_poll(hub: HubContext, row: DeviceCodeRow) -> None:
    """Record the time of a request of a waiting program; nothing is written for one that asks too often.

    Raises:
        OAuthRefused: it asks too often.
    """
    now = hub.now_ms()
    if row.polled_ms is not None and now - row.polled_ms < INTERVAL_S * 1000 - _EARLY_MS:
        raise OAuthRefused("slow_down", f"ask every {INTERVAL_S} seconds")
    with hub.write(Lock.hub()) as tx:
        device_codes.note_poll(tx, row.device_hash, now)


def _issue(hub: HubContext, tx: Write, device_hash: str, device_code: str) -> IssuedAccess | None:
    row = device_codes.find(tx, device_hash)
    if row is None or row.user_id is None or row.decision != ACCEPTED:
        return None
    user = accounts.by_ids(tx, [row.user_id])[row.user_id]
    if user.is_suspended:
        return None
    if row.grant_uid is None:
        name = KNOWN_CLIENTS.get(row.client_id, row.client_id)
        grant = oauth_grants.open_grant(hub, tx, user, row.client_id, name, device_code)
        device_codes.note_grant(tx, device_hash, grant.uid)
        return oauth_grants.repeat_grant(hub, tx, grant, device_code)
    issued = grant_rows.by_uid(tx, row.grant_uid)
    return None if issued is None else oauth_grants.repeat_grant(hub, tx, issued, device_code)


def _letters(user_code: str) -> str:
    """Return the letters of a code as people may type it: in any case, with or without a dash."""
    return re.sub(r"[\s-]+", "", user_code[:100]).upper()


def _hash(hub: HubContext, user_code: str) -> str:
    return hub.signer.derive("user code", _letters(user_code)).hex()
