from __future__ import annotations

import msgspec

from entrepot.wire.accounts.sign_ins import BrowserSession, OwnPasskey, SignInSecurity


def test_names_are_in_camel_case_and_nothing_is_left_out() -> None:
    session = BrowserSession("1", "a", "b", "password", "203.0.113.0/24", "Firefox")
    assert set(msgspec.to_builtins(session)) == {"id", "createdAt", "lastUsedAt", "means", "network", "browser"}
    security = SignInSecurity(None, 0, [OwnPasskey("1", "phone", "a", None)])
    assert msgspec.to_builtins(security) == {
        "twoStepSince": None,
        "recoveryCodesLeft": 0,
        "passkeys": [{"id": "1", "name": "phone", "createdAt": "a", "lastUsedAt": None}],
    }
