import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidName, RevisionNotFound
from entrepot.names.refs import (
    MAIN,
    branch_ref,
    parse_branch,
    parse_revision,
    parse_tag,
    pull_ref,
    short_name,
    tag_ref,
)

# Everything that git's rules mention, alone and at every position of a name.
PIECES = [
    *" ~^:?*[\\@{}.-/\x01\x1f\x7f\n\t#é$'\"!",
    "..",
    "@{",
    "//",
    "/.",
    "./",
    ".lock",
    ".lock/",
    ".LOCK",
    "-x",
    "@/",
    "refs/heads/",
    "refs/tags/",
]
NAMES = sorted(
    {"", "@", "HEAD", "main", "a/b", "a/HEAD", "@a", "a@"}
    | {shape.format(piece) for piece in PIECES for shape in ("{}", "{}a", "a{}", "a{}b", "a/{}", "{}/a", "a/{}/b")}
)


def is_accepted(parse: Callable[[str], str], name: str) -> bool:
    try:
        parse(name)
    except InvalidName:
        return False
    return True


@pytest.fixture(scope="module")
def allowed_by_git() -> dict[str, bool]:
    """Return which names ``git check-ref-format`` accepts as branches, checked in one shell."""
    script = 'while IFS= read -r -d "" n; do git check-ref-format "refs/heads/$n" && echo y || echo n; done'
    names = "".join(f"{name}\0" for name in NAMES).encode()
    answers = subprocess.run(["bash", "-c", script], input=names, capture_output=True, check=True).stdout.split()
    assert len(answers) == len(NAMES)
    return {name: answer == b"y" for name, answer in zip(NAMES, answers, strict=True)}


@pytest.mark.parametrize(("parse", "prefix"), [(parse_branch, "refs/heads/"), (parse_tag, "refs/tags/")])
def test_git_accepts_the_same_names(allowed_by_git: dict[str, bool], parse: Callable[[str], str], prefix: str) -> None:
    assert len(set(allowed_by_git.values())) == 2
    for name, allowed in allowed_by_git.items():
        if name.startswith(prefix):
            continue  # a full name is parsed as such
        # Stricter than the plumbing, as git's own "branch" and "tag" commands are.
        stricter = name.startswith(("-", "refs/")) or name in ("HEAD", "@")
        assert is_accepted(parse, name) == (allowed and not stricter), name


@pytest.mark.parametrize("name", ["main", "refs/heads/main"])
def test_a_branch_is_read_short_and_full(name: str) -> None:
    assert parse_branch(name) == MAIN


def test_a_tag_is_read_short_and_full() -> None:
    assert parse_tag("v1.0") == parse_tag("refs/tags/v1.0") == "refs/tags/v1.0"


def test_the_refs_of_one_kind_are_not_those_of_another() -> None:
    for parse, name in ((parse_branch, "refs/tags/x"), (parse_branch, "refs/pr/1"), (parse_tag, "refs/heads/x")):
        with pytest.raises(InvalidName, match="begins with 'refs/'"):
            parse(name)
    # Refs created before such names were refused can still be deleted.
    assert parse_branch("refs/tags/x", is_stored=True) == "refs/heads/refs/tags/x"
    assert parse_tag("refs/heads/x", is_stored=True) == "refs/tags/refs/heads/x"


def test_converted_copies_have_an_alias() -> None:
    assert parse_branch("refs/convert/parquet") == parse_revision("~parquet") == "refs/convert/parquet"
    with pytest.raises(RevisionNotFound):
        parse_revision("~")


def test_a_name_has_at_most_two_hundred_bytes() -> None:
    assert parse_branch("é" * 100)
    with pytest.raises(InvalidName, match="1 to 200 bytes"):
        parse_branch("é" * 100 + "x")
    with pytest.raises(InvalidName, match="1 to 200 bytes"):
        parse_tag("x" * 1_000_000)
    with pytest.raises(InvalidName, match="1 to 200 bytes"):
        parse_tag("refs/tags/")


def test_a_name_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidName, match="not valid Unicode"):
        parse_branch("a\ud800")


def test_refs_are_made_from_checked_parts_and_shown_short() -> None:
    assert [short_name(ref) for ref in (branch_ref("a/b"), tag_ref("v1"), pull_ref(7))] == ["a/b", "v1", "7"]
    assert pull_ref(7) == "refs/pr/7"


@pytest.mark.parametrize("text", ["main", "v1.0", "refs/pr/1", "refs/heads/a/b", "HEAD", "0a" * 20, "0a0a0a0", "é"])
def test_a_text_that_may_name_a_commit_is_kept(text: str) -> None:
    assert parse_revision(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a..b",
        "a^",
        "a~1",
        "main:file",
        "a\0",
        "a\n",
        "-x",
        "--output=x",
        "@{1}",
        "../x",
        "\ud800",
        "x" * 301,
    ],
)
def test_a_text_that_can_name_no_commit_is_not_found(text: str) -> None:
    with pytest.raises(RevisionNotFound):
        parse_revision(text)


@given(st.text())
def test_every_good_branch_and_its_full_name_are_good_revisions(text: str) -> None:
    try:
        ref = parse_branch(text)
    except InvalidName:
        return
    assert parse_revision(ref) == ref
    assert parse_revision(short_name(ref)) == short_name(ref)
    assert parse_branch(ref) == ref


def test_a_branch_or_tag_cannot_look_like_a_commit() -> None:
    for parse in (parse_branch, parse_tag):
        with pytest.raises(InvalidName, match="commit id"):
            parse("0123456789abcdef0123456789abcdef01234567")
