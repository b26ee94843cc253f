"""Grants: programs that were signed in, which hold an access token and renew it with a refresh token.

Both tokens are computed from the code or refresh token that the program presented, with the key of
the hub. A response that was lost can therefore be repeated for some minutes without storing a secret.
A refresh token that is presented again later was copied: the grant ends. A refresh token therefore
names its grant, with a seal: even one that was replaced long ago is recognised, without storing it.
Source: docs/protocols/oauth.md, section 2; RFC 9700, section 4.14.2.
"""

from __future__ import annotations

import hmac
import re
import string
from collections.abc import Iterable, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import oauth_grants as rows
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.oauth_grants import OAuthGrantRow
from entrepot.catalog.accounts.tokens import Token
from entrepot.errors import OAuthRefused
from entrepot.hub import audit
from entrepot.hub.callers import Caller, hash_secret
from entrepot.hub.context import HubContext
from entrepot.names import new_uid

ACCESS_MS = 30 * 86_400_000
"""Lifetime of an access token; clients renew it in its last day."""

REFRESH_MS = 90 * 86_400_000
"""Lifetime of a refresh token, and so of a grant that is not used."""

REPEAT_MS = 600_000
"""How long the response to a refresh token can be repeated: clients try again after five minutes."""

_KEPT = 3
"""Access tokens of a grant that stay valid: programs that run go on with the one before the newest."""

_DIGITS = string.digits + string.ascii_letters
_LENGTH = 43
_SEAL = 22
_REFRESH = re.compile(
    rf"ep_(?P<grant>[0-9a-f]{{24}})(?P<secret>[0-9A-Za-z]{{{_LENGTH}}})(?P<seal>[0-9A-Za-z]{{{_SEAL}}})"
)


@attrs.frozen
class IssuedAccess:
    """The tokens of a grant, shown to its program only; ``expires_s``: seconds until the access token expires."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    expires_s: int


def open_grant(hub: HubContext, tx: Write, user: Account, client_id: str, name: str, proof: str) -> OAuthGrantRow:
    """Store a grant with its first access token; both secrets follow from the proof (:func:`repeat_grant`).

    Args:
        name: the name of the token in the list of the user.
        proof: the device code.
    """
    now, uid = hub.now_ms(), new_uid()
    rows.remove_expired(tx, user.id, now)
    access, refresh = _derive(hub, uid, proof)
    made = OAuthGrantRow(uid, user.id, client_id, hash_secret(refresh), None, now, now, now + REFRESH_MS)
    rows.add(tx, made)
    token = Token(new_uid(), user.id, name, "write", now, now + ACCESS_MS, grant_uid=uid)
    token_rows.add(tx, token, hash_secret(access))
    details: dict[str, audit.Detail] = {"client": client_id, "token": token.uid}
    audit.record(hub, tx, user.name, "oauth.grant", f"grant {uid} of {user.name}", details)
    return made


def repeat_grant(hub: HubContext, tx: Write, grant: OAuthGrantRow, proof: str) -> IssuedAccess | None:
    """Return the tokens that a proof was exchanged for; None if they were replaced or revoked since."""
    access, refresh = _derive(hub, grant.uid, proof)
    found = token_rows.find(tx, hash_secret(access))
    if found is None or grant.refresh_hash != hash_secret(refresh) or found.token.expires_ms is None:
        return None
    return IssuedAccess(access, refresh, max(0, (found.token.expires_ms - hub.now_ms()) // 1000))


def refresh_grant(hub: HubContext, client_id: str, refresh_token: str) -> IssuedAccess:
    """Exchange a refresh token for a new access token and the next refresh token.

    Guarantees: the same refresh token gets the same response for ten minutes. Later, the whole grant
    ends: one of the two programs that know this token must not have it.

    Raises:
        OAuthRefused: the token is unknown, expired, revoked, of another program, or was used before.
    """
    with hub.read() as read:
        is_known = _find(hub, read, refresh_token) is not None
    issued = None
    if is_known:
        with hub.write(Lock.hub(), Lock.audit()) as tx:
            issued = _refresh(hub, tx, client_id, refresh_token)
    if issued is None:
        raise OAuthRefused("invalid_grant", "this sign-in has ended: it was revoked or has expired; sign in again")
    return issued


def _refresh(hub: HubContext, tx: Write, client_id: str, presented: str) -> IssuedAccess | None:
    now, grant = hub.now_ms(), _find(hub, tx, presented)
    if grant is None or grant.client_id != client_id or grant.expires_ms <= now:
        return None
    user = accounts.by_ids(tx, [grant.user_id])[grant.user_id]
    if user.is_suspended:
        return None
    subject = f"grant {grant.uid} of {user.name}"
    if hash_secret(presented) == grant.refresh_hash:  # the current one
        _rotate(hub, tx, grant, presented)
        audit.record(hub, tx, user.name, "oauth.refresh", subject, {"client": client_id})
        renewed = rows.by_uid(tx, grant.uid)
        return None if renewed is None else repeat_grant(hub, tx, renewed, presented)
    if hash_secret(presented) == grant.previous_hash and now - grant.refreshed_ms <= REPEAT_MS:
        return repeat_grant(hub, tx, grant, presented)
    rows.remove(tx, grant.user_id, grant.uid)
    audit.record(hub, tx, user.name, "oauth.replay", subject, {"client": client_id})
    return None


def _find(hub: HubContext, tx: Read, presented: str) -> OAuthGrantRow | None:
    """Return the grant that a refresh token was issued for, at any time; None if it has ended, or is made up."""
    found = _REFRESH.fullmatch(presented)
    if found is None or not hmac.compare_digest(found["seal"], _seal(hub, found["grant"], found["secret"])):
        return None
    return rows.by_uid(tx, found["grant"])


def _rotate(hub: HubContext, tx: Write, grant: OAuthGrantRow, presented: str) -> None:
    now = hub.now_ms()
    access, refresh = _derive(hub, grant.uid, presented)
    own = [token for token in token_rows.of_user(tx, grant.user_id) if token.grant_uid == grant.uid]
    name = own[-1].name if own else "sign-in"
    rows.rotate(tx, grant, hash_secret(refresh), now_ms=now, expires_ms=now + REFRESH_MS)
    token = Token(new_uid(), grant.user_id, name, "write", now, now + ACCESS_MS, grant_uid=grant.uid)
    token_rows.add(tx, token, hash_secret(access))
    rows.keep_newest_tokens(tx, grant.user_id, grant.uid, kept=_KEPT)


def remove_token(tx: Write, token: Token) -> None:
    """Delete a token, and the whole grant if it belongs to one: its program can no longer renew it.

    Of a trusted publisher, all tokens that it has now are deleted; it can get others until it is removed.
    """
    if token.grant_uid is not None:
        rows.remove(tx, token.user_id, token.grant_uid)
    token_rows.remove(tx, token.uid)


def end_all(hub: HubContext, tx: Write, actor: Caller | str, user: Account) -> None:
    """End all grants of a user, who is being suspended."""
    ended = rows.remove_of(tx, user.id)
    if ended:
        audit.record(hub, tx, actor, "oauth.end", f"user {user.name}", {"grants": ended})


def listed(tokens: Iterable[Token]) -> Sequence[Token]:
    """Return tokens without the older ones of each grant, for lists."""
    found = list(tokens)
    newest = {token.grant_uid: token.uid for token in found if token.grant_uid is not None}
    return [token for token in found if token.grant_uid is None or newest[token.grant_uid] == token.uid]


def _derive(hub: HubContext, grant_uid: str, proof: str) -> tuple[str, str]:
    """Return the secrets of the access token and the refresh token that a proof is exchanged for."""
    access = _as_text(hub.signer.derive("access token", grant_uid, proof))
    secret = _as_text(hub.signer.derive("refresh token", grant_uid, proof))
    return f"hf_{access}", f"ep_{grant_uid}{secret}{_seal(hub, grant_uid, secret)}"


def _seal(hub: HubContext, grant_uid: str, secret: str) -> str:
    return _as_text(hub.signer.derive("seal of a refresh token", grant_uid, secret))[:_SEAL]


def _as_text(data: bytes) -> str:
    """Return bytes as letters and digits, as in other tokens, so that whatever looks for secrets finds them."""
    number, found = int.from_bytes(data), []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        found.append(_DIGITS[digit])
    return "".join(found)
