from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import EntrepotError, Malformed
from entrepot.git import EMPTY_TREE, Commit, Kind, Signature, encode_commit, oid_of, parse_commit
from entrepot.git.commits import LATEST_S, parse_signature
from entrepot.names import Oid

ADA = Signature("Ada Lovelace", "ada@example.org", 1_700_000_000, "+0530")
GRACE = Signature("Grace Hopper", "grace@example.org", 1_700_000_001, "-0800")
HEADERS = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"author Ada Lovelace <ada@example.org> 1700000000 +0530\n"
    b"committer Grace Hopper <grace@example.org> 1700000001 -0800\n"
)
oids = st.binary(min_size=20, max_size=20).map(lambda raw: Oid(raw.hex()))
words = st.text(st.characters(exclude_characters="<>", exclude_categories=("Cs", "Cc")), max_size=9).map(str.strip)
zones = st.sampled_from(["+0000", "-0330", "+1400"])
signatures = st.builds(Signature, words, words, st.integers(0, LATEST_S), zones)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
extras = st.lists(st.tuples(st.sampled_from(["gpgsig", "mergetag", "HG"]), texts), max_size=3).map(tuple)
commits = st.builds(Commit, oids, st.lists(oids, max_size=3).map(tuple), signatures, signatures, texts, extras)


@given(commits)
def test_commits_come_back_as_they_went(commit: Commit) -> None:
    assert parse_commit(encode_commit(commit)) == commit


def test_git_makes_the_same_commit(git: Callable[..., bytes]) -> None:
    git("mktree")
    first = git("commit-tree", EMPTY_TREE, given="Début\n\nThe body.\n".encode()).decode().strip()
    second = git("commit-tree", EMPTY_TREE, "-p", first, given=b"second\n").decode().strip()
    ours = encode_commit(Commit(EMPTY_TREE, (), ADA, GRACE, "Début\n\nThe body.\n"))
    assert oid_of(Kind.COMMIT, ours) == first
    assert ours == git("cat-file", "commit", first)
    assert parse_commit(git("cat-file", "commit", second)).parents == (first,)


def test_git_accepts_what_comes_of_hostile_fields(git: Callable[..., bytes]) -> None:
    nasty = Signature(" A<b>\nparent 0 \0\r", "x>\n<y", -5, "+9999")
    content = encode_commit(Commit(EMPTY_TREE, (), nasty, Signature("", "", 10**15), "a\0b"))
    git("hash-object", "-t", "commit", "--stdin", given=content)
    assert parse_commit(content).author == Signature("Abparent 0", "xy", 0, "+0000")
    assert parse_commit(content).committer == Signature("", "", LATEST_S)
    assert parse_commit(content).message == "ab"


def test_extra_headers_with_many_lines_are_kept() -> None:
    content = HEADERS + b"gpgsig -----BEGIN\n \n line\n -----END\nencoding UTF-8\n\nmessage"
    commit = parse_commit(content)
    assert commit.extra == (("gpgsig", "-----BEGIN\n\nline\n-----END"), ("encoding", "UTF-8"))
    assert encode_commit(commit) == content


def test_text_is_decoded_as_the_commit_says() -> None:
    content = HEADERS.replace(b"Ada", b"Zo\xeb") + b"encoding ISO-8859-1\n\ncaf\xe9\n"
    commit = parse_commit(content)
    assert (commit.author.name, commit.message) == ("Zoë Lovelace", "café\n")
    assert encode_commit(commit) == content


@pytest.mark.parametrize("encoding", [b"unicode_escape", b"idna", b"zip", b"cp9999", b"no such"])
def test_an_encoding_that_is_no_plain_text_is_not_used(encoding: bytes) -> None:
    assert parse_commit(HEADERS + b"encoding " + encoding + b"\n\n\\u0041\xff").message == "\\u0041\ufffd"


@pytest.mark.parametrize(
    ("message", "title", "body"),
    [
        ("one", "one", ""),
        ("one\n\ntwo\nthree\n", "one", "two\nthree"),
        ("\n\none \ntwo", "one", "two"),
        ("", "", ""),
    ],
)
def test_a_message_has_a_title_and_a_body(message: str, title: str, body: str) -> None:
    commit = Commit(EMPTY_TREE, (), ADA, GRACE, message)
    assert (commit.title, commit.body) == (title, body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A <a@b> 5 +0100", Signature("A", "a@b", 5, "+0100")),
        ("<a@b> 5 +0100", Signature("", "a@b", 5, "+0100")),
        ("A <a@b>", Signature("A", "a@b", 0)),
        ("A <a@b> 5", Signature("A", "a@b", 5)),
        ("A <a@b> x +0100", Signature("A", "a@b", 0)),
        ("A <a@b> 99999999999999999999 +2500", Signature("A", "a@b", LATEST_S)),
        ("A <<a@b>> 5 +0100", Signature("A", "<a@b", 5, "+0100")),
    ],
)
def test_odd_signatures_are_read_leniently(text: str, expected: Signature) -> None:
    assert parse_signature(text, "commit object") == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEADERS[46:],
        HEADERS[:46],
        HEADERS.replace(b"4b825", b"4B825"),
        HEADERS.replace(b"author", b"writer"),
        HEADERS.replace(b"<ada@example.org>", b""),
        HEADERS.replace(b"author", b"parent x\nauthor"),
        b" x\n" + HEADERS,
    ],
)
def test_a_commit_without_its_headers_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_commit(content)


def test_a_header_cannot_smuggle_in_another() -> None:
    with pytest.raises(Malformed):
        encode_commit(Commit(EMPTY_TREE, (), ADA, GRACE, "", (("x\nparent", "y"),)))


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda tail: HEADERS + tail)))
def test_arbitrary_bytes_raise_nothing_but_our_errors(content: bytes) -> None:
    try:
        commit = parse_commit(content)
    except EntrepotError:
        return
    assert commit.tree == EMPTY_TREE
    commit.message.encode("utf-8")
