import pytest

from entrepot.errors import (
    BlobMissing,
    BlobUnreadable,
    BodyTooSlow,
    Damaged,
    StoreFull,
    TooManyBodies,
    XorbDamaged,
)


def test_a_full_store_says_that_nothing_was_kept_and_the_cure() -> None:
    text = str(StoreFull("/data"))
    assert "nothing was kept" in text
    assert "free some space" in text


def test_a_refused_body_has_a_message_with_the_cure() -> None:
    assert "send the request again" in str(BodyTooSlow())
    assert str(TooManyBodies("in all", 4096)) == (
        "4,096 request bodies in all are unfinished, which is the limit; try again later"
    )


@pytest.mark.parametrize(
    "error", [XorbDamaged("ab" * 32), BlobMissing(f"xorbs/ab/ab/{'ab' * 32}.1"), BlobUnreadable("xorbs/ab", "it ended")]
)
def test_callers_are_not_told_which_chunks_are_damaged(error: Damaged) -> None:
    assert "ab" * 2 in error.message or "xorbs/ab" in error.message
    assert "xorbs" not in error.public_message
    assert "abab" not in error.public_message
    assert "entrepot fsck" in error.public_message


def test_callers_are_told_everything_else() -> None:
    for error in (BlobMissing("files/aa/bb/cc"), BlobUnreadable("files/aa", "no")):
        assert error.public_message == error.message
