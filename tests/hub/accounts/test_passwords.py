from __future__ import annotations

import pytest

from entrepot.errors import InvalidName
from entrepot.hub.accounts.passwords import hash_password, is_right


def test_the_right_password_is_right_and_others_are_not() -> None:
    hashed = hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert "correct" not in hashed
    assert is_right(hashed, "correct horse")
    assert not is_right(hashed, "correct horse ")
    assert hashed != hash_password("correct horse")


def test_without_a_hash_no_password_is_right() -> None:
    for password in ("", "correct horse"):
        assert not is_right(None, password)


def test_a_malformed_hash_matches_no_password() -> None:
    for hashed in ("", "plain text", "$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA"):
        assert not is_right(hashed, "plain text")


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1001])
def test_passwords_have_eight_to_a_thousand_characters(password: str) -> None:
    with pytest.raises(InvalidName) as caught:
        hash_password(password)
    assert len(password) == 0 or password not in str(caught.value)
