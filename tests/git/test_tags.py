from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import EntrepotError, Malformed
from entrepot.git import EMPTY_TREE, Kind, Signature, Tag, encode_tag_object, oid_of, parse_tag_object

GRACE = Signature("Grace Hopper", "grace@example.org", 1_700_000_001, "-0800")
TAG = Tag(EMPTY_TREE, Kind.TREE, "v1.0", GRACE, "First.\n")
CONTENT = (
    b"object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype tree\ntag v1.0\n"
    b"tagger Grace Hopper <grace@example.org> 1700000001 -0800\n\nFirst.\n"
)
texts = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), min_size=1)


def test_git_makes_the_same_tag(git: Callable[..., bytes]) -> None:
    git("mktree")
    git("tag", "-f", "-a", "-m", "First.", "v1.0", EMPTY_TREE)
    assert git("cat-file", "tag", "v1.0") == CONTENT
    assert encode_tag_object(TAG) == CONTENT
    assert oid_of(Kind.TAG, CONTENT) == git("rev-parse", "v1.0").decode().strip()


@given(texts, st.sampled_from(Kind), st.sampled_from([GRACE, None]), texts)
def test_tags_come_back_as_they_went(name: str, kind: Kind, tagger: Signature | None, message: str) -> None:
    tag = Tag(EMPTY_TREE, kind, name, tagger, message)
    assert parse_tag_object(encode_tag_object(tag)) == tag


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CONTENT.replace(b"type tree\n", b""),
        CONTENT.replace(b"type tree", b"type shrub"),
        CONTENT.replace(b"4b825", b"xxxxx"),
        CONTENT.replace(b"<grace@example.org>", b"nobody"),
    ],
)
def test_a_tag_without_its_headers_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_tag_object(content)


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b"])
def test_a_name_that_would_break_the_object_is_not_written(name: str) -> None:
    with pytest.raises(Malformed):
        encode_tag_object(Tag(EMPTY_TREE, Kind.TREE, name, None, ""))


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: CONTENT[:70] + tail)))
def test_arbitrary_bytes_raise_nothing_but_our_errors(content: bytes) -> None:
    try:
        tag = parse_tag_object(content)
    except EntrepotError:
        return
    assert tag.target == EMPTY_TREE
