"""Second factors: a code of an app, or a recovery code, in addition to the password.

A code is accepted once. Wrong codes are counted for the account, from all addresses: only someone who knows the
password can enter them, and guessing from many addresses is as slow as from one.
Source: RFC 6238, section 5.2.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import second_factors as rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.second_factors import SecondFactorRow
from entrepot.errors import CodesPaused, InvalidSignature, StepExpired, WrongCode
from entrepot.hub import audit
from entrepot.hub.accounts import one_time_passwords
from entrepot.hub.context import HubContext

PENDING_MS = 300_000
"""How long after the password the code may be entered."""

RECOVERY_CODES = 10

CODE, RECOVERY = "code", "recovery"
"""What a second factor is proved with: a code of the app, or a recovery code."""

FREE_FAILURES = 5
"""Wrong codes in a row before codes are refused for a while; the wait doubles with every one after it."""

HOLD_MS, MAX_HOLD_MS = 60_000, 3_600_000

_PURPOSE = "second step"
_RECOVERY = re.compile(r"[a-z2-7]{16}")
_CODE = re.compile(rf"[0-9]{{{one_time_passwords.DIGITS}}}")


@attrs.frozen
class CodeUse:
    """The result of a code: how it proves the second factor (empty: not at all), and the wait if codes are refused."""

    means: str
    wait_s: int = 0

    def require(self) -> str:
        """Return how the second factor was proved; raise if it was not.

        Raises:
            WrongCode: no code, or a wrong one, was given.
            CodesPaused: too many wrong codes were given; no code is accepted for some seconds.
        """
        if self.wait_s:
            raise CodesPaused(self.wait_s)
        if not self.means:
            raise WrongCode
        return self.means


def secret_of(hub: HubContext, account_uid: str, salt: str) -> bytes:
    """Return the secret of an app."""
    return hub.signer.derive("one-time passwords", account_uid, salt)[: one_time_passwords.SECRET_BYTES]


def use_code(hub: HubContext, tx: Write, user: Account, code: str) -> CodeUse:
    """Use up a code of a user; a wrong one is counted, so the caller must let the transaction succeed.

    Guarantees: a code is accepted once, even if it is sent twice at the same time.
    """
    typed = re.sub(r"[\s-]+", "", code[:100]).lower()
    if _RECOVERY.fullmatch(typed):
        is_right = rows.use_code(tx, user.id, hash_recovery(hub, user.uid, typed))
        return CodeUse(RECOVERY if is_right else "")
    found, now = rows.find(tx, user.id), hub.now_ms()
    if found is None:
        return CodeUse("")
    if now < found.held_until_ms:
        return CodeUse("", math.ceil((found.held_until_ms - now) / 1000))
    step = None
    if _CODE.fullmatch(typed):
        step = one_time_passwords.matching_step(secret_of(hub, user.uid, found.salt), typed, now)
    if step is not None and rows.accept(tx, user.id, step):
        return CodeUse(CODE)
    _note_failure(hub, tx, user, found)
    return CodeUse("")


def seal_password_proof(hub: HubContext, user: Account) -> str:
    """Return a proof, valid for five minutes, that the password of a user was entered; it does not open a session."""
    kept = {"user": user.uid, "stamp": _stamp(hub, user), "until": hub.now_ms() + PENDING_MS}
    return hub.signer.seal(_PURPOSE, json.dumps(kept))


def proved_user(hub: HubContext, tx: Read, proof: str) -> Account:
    """Return the user whose password was entered; raise if the password has changed since.

    Raises:
        StepExpired: the proof is not of this hub or too old, or the password was changed.
    """
    kept = unseal(hub, _PURPOSE, proof)
    found = accounts.by_uids(tx, [str(kept["user"])])
    if not found or _stamp(hub, found[0]) != kept["stamp"]:
        raise StepExpired
    return found[0]


def unseal(hub: HubContext, purpose: str, sealed: str) -> Mapping[str, object]:
    """Return the sealed values, which expire at their time ``until``.

    Raises:
        StepExpired: it is not of this hub, or for another purpose, or too old.
    """
    try:
        kept: dict[str, object] = json.loads(hub.signer.unseal(purpose, sealed))
    except (InvalidSignature, ValueError):
        raise StepExpired from None
    if hub.now_ms() >= int(str(kept["until"])):
        raise StepExpired
    return kept


def new_recovery_codes(hub: HubContext, tx: Write, user: Account) -> Sequence[str]:
    """Replace the recovery codes of a user, and return the new ones, which are shown only once."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    rows.replace_codes(tx, user.id, [hash_recovery(hub, user.uid, code) for code in codes])
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def hash_recovery(hub: HubContext, account_uid: str, code: str) -> str:
    """Return the stored form of a recovery code, which is random: 80 bits."""
    return hub.signer.derive("recovery code", account_uid, code).hex()


def _note_failure(hub: HubContext, tx: Write, user: Account, found: SecondFactorRow) -> None:
    failures, until = found.failures + 1, 0
    if failures >= FREE_FAILURES:
        until = hub.now_ms() + min(HOLD_MS * 2 ** min(failures - FREE_FAILURES, 20), MAX_HOLD_MS)
        audit.record(hub, tx, user.name, "second_factor.hold", f"user {user.name}", {"failures": failures})
    rows.note_failure(tx, user.id, failures, until)


def _stamp(hub: HubContext, user: Account) -> str:
    return hub.signer.derive("password stamp", user.uid, user.password_hash or "").hex()
