from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidSignature
from entrepot.hub.signing import TAG_BYTES, Signer

SIGNER = Signer(b"key")
texts = st.text(max_size=8)
fields = st.dictionaries(texts.filter(lambda name: name not in ("sig", "exp")), texts, max_size=4)


@given(texts, fields)
def test_signed_claims_come_back(purpose: str, claimed: dict[str, str]) -> None:
    assert SIGNER.check(purpose, SIGNER.sign(purpose, claimed, 100), 100) == claimed


@given(texts, fields, texts, fields)
def test_no_two_claims_have_one_signature(one: str, claimed: dict[str, str], two: str, other: dict[str, str]) -> None:
    same = (one, claimed) == (two, other)
    assert same == (SIGNER.sign(one, claimed, 1)["sig"] == SIGNER.sign(two, other, 1)["sig"])


def test_parts_cannot_be_moved_between_names_and_values() -> None:
    signed = SIGNER.sign("p", {"a": "bc", "d": ""}, 9)
    for forged in ({"ab": "c", "d": ""}, {"a": "b", "d": "c"}, {"a": "bc"}, {"a": "bc", "d": "", "e": ""}):
        with pytest.raises(InvalidSignature):
            SIGNER.check("p", forged | {"exp": "9", "sig": signed["sig"]}, 1)


@pytest.mark.parametrize("sig", [None, "", "é", "\ud800", "0" * 64])
def test_a_wrong_signature_is_refused(sig: str | None) -> None:
    query = {**SIGNER.sign("p", {}, 9), "sig": sig}
    with pytest.raises(InvalidSignature):
        SIGNER.check("p", {name: value for name, value in query.items() if value is not None}, 1)


def test_another_key_purpose_or_time_is_refused() -> None:
    signed = SIGNER.sign("p", {"a": "b"}, 9)
    for signer, purpose, now in ((Signer(b"other"), "p", 1), (SIGNER, "q", 1), (SIGNER, "p", 10)):
        with pytest.raises(InvalidSignature):
            signer.check(purpose, signed, now)
    with pytest.raises(InvalidSignature):
        SIGNER.check("p", signed | {"exp": "99"}, 1)


def test_the_key_is_not_shown() -> None:
    assert "key" not in repr(Signer(b"the key"))


def test_derived_bytes_depend_on_key_purpose_and_every_part() -> None:
    found = SIGNER.derive("p", "a", "b")
    assert found == SIGNER.derive("p", "a", "b")
    assert len(found) == 32
    others = [SIGNER.derive("q", "a", "b"), SIGNER.derive("p", "ab"), SIGNER.derive("p", "b", "a")]
    assert len({found, *others, Signer(b"other").derive("p", "a", "b")}) == 5


def test_sealed_payloads_are_opened_by_the_same_key_purpose_and_parts_only() -> None:
    sealer = SIGNER.sealer("p", "a")
    for payload in (b"", b"x", bytes(range(200))):
        sealed = sealer.seal(payload)
        assert sealer.seal(payload) == sealed
        assert len(sealed) == len(payload) + TAG_BYTES
        assert SIGNER.sealer("p", "a").open(sealed) == payload
        for other in (SIGNER.sealer("q", "a"), SIGNER.sealer("p", "b"), Signer(b"other").sealer("p", "a")):
            assert other.open(sealed) is None


def test_nothing_else_is_opened() -> None:
    sealer = SIGNER.sealer("p")
    sealed = sealer.seal(b"the payload")
    altered = [bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]]) for at in range(len(sealed))]
    for wrong in (*altered, b"", sealed[:TAG_BYTES], sealed[:-1], sealed + b"\0", sealed[1:]):
        assert sealer.open(wrong) is None


def test_a_sealed_payload_cannot_be_read_and_the_keys_are_not_shown() -> None:
    sealer = SIGNER.sealer("p")
    assert b"payload" not in sealer.seal(b"the payload")
    # Two payloads have streams of their own: what they have in common does not show.
    one, other = sealer.seal(b"\0" * 32), sealer.seal(b"\0" * 31 + b"\1")
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 8
    assert "key" not in repr(sealer)
