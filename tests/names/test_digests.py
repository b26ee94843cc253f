import hashlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidName
from entrepot.names.digests import is_oid, is_sha256, new_uid, parse_oid, parse_sha256, parse_uid

PARSERS: list[tuple[Callable[[str], str], int]] = [(parse_oid, 40), (parse_sha256, 64), (parse_uid, 24)]


@pytest.mark.parametrize(("parse", "length"), PARSERS)
def test_lower_case_hex_of_the_right_length_is_kept(parse: Callable[[str], str], length: int) -> None:
    text = "0123456789abcdef"[::-1] * 4
    assert parse(text[:length]) == text[:length]


@pytest.mark.parametrize(("parse", "length"), PARSERS)
@pytest.mark.parametrize(
    "spoil", [str.upper, lambda t: t[1:], lambda t: t + "a", lambda t: t + "\n", lambda t: f" {t[1:]}"]
)
def test_anything_else_is_refused(parse: Callable[[str], str], length: int, spoil: Callable[[str], str]) -> None:
    with pytest.raises(InvalidName, match=f"{length} lower-case hex"):
        parse(spoil("a" * length))


@pytest.mark.parametrize(("parse", "length"), PARSERS)
def test_digits_of_other_scripts_are_refused(parse: Callable[[str], str], length: int) -> None:
    with pytest.raises(InvalidName):
        parse("٣" * length)


@pytest.mark.parametrize(("holds", "length"), [(is_oid, 40), (is_sha256, 64)])
def test_predicates_agree_with_the_parsers(holds: Callable[[str], bool], length: int) -> None:
    assert holds("0a" * (length // 2))
    assert not any(
        holds(text) for text in ("", "0" * (length - 1), "0" * (length + 1), "A" * length, "a" * length + "\n")
    )


@given(st.binary())
def test_the_digests_of_python_are_accepted(content: bytes) -> None:
    assert parse_sha256(hashlib.sha256(content).hexdigest())
    assert parse_oid(hashlib.sha1(content).hexdigest())


def test_a_fresh_id_begins_with_the_time_and_never_repeats() -> None:
    before = int(time.time())
    uids = {new_uid() for _ in range(1000)}
    after = int(time.time())
    assert len(uids) == 1000
    for uid in uids:
        assert parse_uid(uid) == uid
        assert before <= int(uid[:8], 16) <= after
