from __future__ import annotations

import pytest

from entrepot.hub.accounts.one_time_passwords import app_url, encode_secret, matching_step, password_at, step_of

SECRET = b"12345678901234567890"

# RFC 6238, appendix B, SHA-1; the last six of its eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("seconds", "password"), VECTORS)
def test_passwords_are_those_of_the_specification(seconds: int, password: str) -> None:
    assert password_at(SECRET, step_of(seconds * 1000)) == password


def test_one_step_before_and_after_is_accepted_and_no_more() -> None:
    now = 1234567890_000
    here = step_of(now)
    for offset in range(-4, 5):
        found = matching_step(SECRET, password_at(SECRET, here + offset), now)
        assert found == (here + offset if abs(offset) <= 1 else None)


@pytest.mark.parametrize("wrong", ["", "28708", "2870822", "٢٨٧٠٨٢", "\udcff", "287082 "])
def test_anything_else_matches_nothing(wrong: str) -> None:
    assert matching_step(SECRET, wrong, 59_000) is None


def test_the_url_names_hub_and_account() -> None:
    assert encode_secret(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert app_url(SECRET, "hub.example:8000", "al ice") == (
        "otpauth://totp/hub.example%3A8000:al%20ice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=hub.example%3A8000&algorithm=SHA1&digits=6&period=30"
    )
