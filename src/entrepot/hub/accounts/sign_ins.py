"""Sign-in codes: one-time secrets from an administrator, which users exchange for a first token.

A code is random (192 bits), stored as a hash, expires, and is deleted in the
transaction that uses it. A user has at most one code: a new one replaces it.
"""

from __future__ import annotations

import secrets

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts import accounts, sign_in_codes
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.errors import AccountSuspended, InvalidName, InvalidSignInCode, LimitExceeded, Malformed
from entrepot.hub import audit, callers
from entrepot.hub.accounts.accounts import find_user, parse_email
from entrepot.hub.accounts.administration import Actor, require_admin
from entrepot.hub.accounts.tokens import new_secret
from entrepot.hub.aliases import check_account_name
from entrepot.hub.callers import Caller, MaybeCaller, hash_secret
from entrepot.hub.context import HubContext
from entrepot.names import new_uid, parse_account, parse_fullname
from entrepot.wire.accounts.administration import CodeExchange, NewUser, NewUsers, SignedIn, SignInCode
from entrepot.wire.times import format_ms

PREFIX = "code_"
"""Prefix of every code, so that people and secret scanners recognise one."""

MAX_LIFETIME_S = 30 * 86_400
MAX_USERS = 10_000
_MAX_NAME = 100


def create_users(hub: HubContext, by: Actor, new: NewUsers) -> list[SignInCode]:
    """Create users, all or none, and return a sign-in code for each, which is shown only once.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        InvalidName, AlreadyExists: a name or address cannot be used.
        LimitExceeded: more than 10,000 at a time.
        Malformed: the lifetime is not between one minute and 30 days.
    """
    actor = require_admin(by)
    _check_lifetime(new.expires_s)
    if len(new.users) > MAX_USERS:
        raise LimitExceeded("users created at a time", MAX_USERS)
    fresh = [_fresh(hub, user) for user in new.users]
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        for account in fresh:
            check_account_name(tx, account.name)
        made = [accounts.add(tx, account) for account in fresh]
        for account in made:
            audit.record(hub, tx, actor, "user.create", f"user {account.name}", {"admin": account.is_admin})
        return [_issue(hub, tx, actor, account, new.expires_s) for account in made]


def issue_code(hub: HubContext, by: Actor, name: str, expires_s: int) -> SignInCode:
    """Return a new sign-in code for a user, replacing an earlier one.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the user does not exist.
        AccountSuspended: the account is suspended and could not use it.
        Malformed: the lifetime is not between one minute and 30 days.
    """
    actor = require_admin(by)
    _check_lifetime(expires_s)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        user = find_user(tx, name)
        if user.is_suspended:
            raise AccountSuspended
        return _issue(hub, tx, actor, user, expires_s)


def exchange(hub: HubContext, _caller: MaybeCaller, given: CodeExchange) -> SignedIn:
    """Consume a sign-in code and return a new token with role ``write``.

    Raises:
        InvalidSignInCode: the code is unknown, used or expired.
        AccountSuspended: the account was suspended after the code was issued.
        SecondFactorMissing: the hub requires a second factor, and the account has none; the code is not used up.
        InvalidName: the token's name cannot be used.
    """
    name = (given.token_name or "sign-in").strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidName("token name", name, f"expected 1 to {_MAX_NAME} printable characters")
    code_hash, now = hash_secret(given.code.strip()), hub.now_ms()
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user_id = sign_in_codes.find(tx, code_hash, now)
        user = None if user_id is None else accounts.by_ids(tx, [user_id]).get(user_id)
        if user is None:
            raise InvalidSignInCode
        if user.is_suspended:
            raise AccountSuspended
        callers.require_factor(tx, user, hub.settings)  # before the code is used up: it also opens a browser's session
        sign_in_codes.remove(tx, code_hash)
        secret = new_secret()
        token = Token(new_uid(), user.id, name, "write", now, None)
        token_rows.add(tx, token, hash_secret(secret))
        audit.record(hub, tx, user.name, "user.sign_in", f"user {user.name}", {"token": token.uid})
    return SignedIn(user=user.name, token=secret)


def _issue(hub: HubContext, tx: Write, actor: Caller | str, user: Account, expires_s: int) -> SignInCode:
    code, now = PREFIX + secrets.token_urlsafe(24), hub.now_ms()
    expires_ms = now + expires_s * 1000
    sign_in_codes.add(tx, hash_secret(code), user.id, now, expires_ms)
    audit.record(hub, tx, actor, "user.code", f"user {user.name}", {"expires": format_ms(expires_ms)})
    return SignInCode(user=user.name, code=code, expires_at=format_ms(expires_ms))


def _fresh(hub: HubContext, user: NewUser) -> Account:
    fullname = None if user.fullname is None else parse_fullname(user.fullname)
    email = parse_email(user.email)
    fresh = accounts.fresh(parse_account(user.name), "user", hub.now_ms(), fullname=fullname, email=email)
    return attrs.evolve(fresh, is_admin=user.is_admin)


def _check_lifetime(expires_s: int) -> None:
    if not 60 <= expires_s <= MAX_LIFETIME_S:
        raise Malformed("lifetime of the code", "expected 1 minute to 30 days")
