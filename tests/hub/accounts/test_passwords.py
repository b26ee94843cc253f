from __future__ import annotations

import subprocess
import sys

import pytest

from entrepot.errors import InvalidName
from entrepot.hub.accounts.passwords import _DECOY, hash_password, is_right


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


def test_a_hash_costs_as_much_as_the_one_that_a_missing_account_is_compared_with() -> None:
    """In a process of its own, because this one hashes cheaply; see tests/support/cheap_cryptography.py."""
    program = "from entrepot.hub.accounts.passwords import hash_password; print(hash_password('correct horse'))"
    hashed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=240)
    cost = _DECOY[: _DECOY.index("p=") + 4]
    assert cost == "$argon2id$v=19$m=65536,t=3,p=4$"
    assert hashed.stdout.startswith(cost)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1001])
def test_passwords_have_eight_to_a_thousand_characters(password: str) -> None:
    with pytest.raises(InvalidName) as caught:
        hash_password(password)
    assert len(password) == 0 or password not in str(caught.value)
