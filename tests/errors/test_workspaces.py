"""Messages of the errors of workspaces: what happened, where, and the cure."""

from __future__ import annotations

import pytest

from entrepot import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.VersionTaken("a__x__2", "use 3"), "the version 'a__x__2' exists already: use 3"),
        (errors.LocalChanges(("a", "b"), "use --force"), "'a', 'b' would be overwritten, but changed locally: use"),
        (errors.LockedByMutability("No."), "No."),
        (errors.BucketMissing("s3h://b"), "the bucket s3h://b does not exist"),
        (errors.StoreTooNew("s3h://b", 7), "s3h://b has format 7, which is newer than this program: upgrade entrepot"),
        (errors.StorageUnreachable("s3h://b", "no route"), "cannot reach s3h://b: no route; try again"),
        (errors.RecordMissing("s3h://b", "datasets x 1"), "s3h://b does not describe the version 'datasets x 1'"),
        (errors.ChunkMissing("s3h://b", ("k",), ("f",)), "k is missing in s3h://b; 'f' cannot be read without it"),
        (errors.ContentDamaged("s3h://b", ("k", "l")), "k, l are damaged in s3h://b; run 'remote-fsck'"),
    ],
)  # fmt: skip
def test_messages(error: errors.EntrepotError, text: str) -> None:
    assert str(error).startswith(text)


def test_long_lists_are_cut() -> None:
    text = str(errors.ChunkMissing("s", tuple("abcdef"), tuple(f"f{number}" for number in range(9))))
    assert "and 3 more objects" in text
    assert "and 4 more files need it" in text
    assert "and 5 more" in str(errors.LocalChanges(tuple(f"f{number}" for number in range(25)), "x"))


def test_a_refusal_names_the_credentials_and_no_secret() -> None:
    text = str(errors.StorageRefused("s3h://b", "profile 'p'", "AccessDenied"))
    assert text.startswith("s3h://b refused the profile 'p': AccessDenied; check")
