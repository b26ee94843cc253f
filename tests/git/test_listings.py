from __future__ import annotations

import subprocess
from pathlib import Path

from entrepot.git import DELIM, pkt_line, read_pkt_lines
from entrepot.git.listings import (
    AdvertisedRef,
    RefFilter,
    parse_question,
    read_lines,
    render_capabilities,
    render_listing,
)
from entrepot.names import MAIN, Oid
from tests.support.work import ends_within_processor_seconds

A, B = Oid("a" * 40), Oid("b" * 40)
REFS = [AdvertisedRef("HEAD", A, target=MAIN), AdvertisedRef("refs/heads/main", A), AdvertisedRef("refs/tags/v1", B, A)]


def lines(question: RefFilter, refs: list[AdvertisedRef]) -> list[str]:
    *payloads, _ = read_pkt_lines(render_listing(question, refs))
    return [payload.decode() for payload in payloads if isinstance(payload, bytes)]


def question(*words: bytes) -> RefFilter:
    asked = [b"command=ls-refs\n", b"agent=git/2.39", b"object-format=sha1"]
    return parse_question(list(read_pkt_lines(b"".join(map(pkt_line, asked)) + DELIM + b"".join(map(pkt_line, words)))))


def test_a_question_of_git_is_read() -> None:
    words = (b"peel\n", b"symrefs\n", b"unborn\n", b"ref-prefix refs/heads/\n", b"ref-prefix HEAD", b"new word\n")
    assert question(*words) == RefFilter(("refs/heads/", "HEAD"), peels=True, symrefs=True, unborn=True)
    assert question() == RefFilter()
    assert parse_question([b"command=ls-refs", b"peel"]) == RefFilter()  # a capability, not an argument


def test_too_many_prefixes_count_as_none() -> None:
    assert question(*[b"ref-prefix x"] * 65_536) == RefFilter()


def test_refs_are_listed_with_the_requested_details_only() -> None:
    assert lines(RefFilter(), REFS) == [f"{A} HEAD\n", f"{A} refs/heads/main\n", f"{B} refs/tags/v1\n"]
    assert lines(RefFilter(peels=True, symrefs=True), REFS) == [
        f"{A} HEAD symref-target:refs/heads/main\n",
        f"{A} refs/heads/main\n",
        f"{B} refs/tags/v1 peeled:{A}\n",
    ]
    assert lines(RefFilter(("refs/tags/",)), REFS) == [f"{B} refs/tags/v1\n"]


def test_an_unborn_branch_is_listed_only_on_request() -> None:
    head = [AdvertisedRef("HEAD", None, target=MAIN)]
    assert lines(RefFilter(symrefs=True), head) == []
    assert lines(RefFilter(symrefs=True, unborn=True), head) == ["unborn HEAD symref-target:refs/heads/main\n"]


def test_the_installed_git_offers_all_that_is_announced(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "r"], check=True)
    told = subprocess.run(
        ["git", "-c", "uploadpack.allowFilter=true", "upload-pack", "--advertise-refs", tmp_path / "r"],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_PROTOCOL": "version=2"},
        capture_output=True,
        check=True,
    ).stdout
    theirs = {line for line in read_pkt_lines(told) if isinstance(line, bytes) and not line.startswith(b"agent=")}
    ours = {line for line in read_pkt_lines(render_capabilities()) if isinstance(line, bytes)}
    assert ours - theirs == {b"agent=entrepot\n"}


def test_many_prefixes_are_not_compared_with_each_name() -> None:
    found = RefFilter((*(f"refs/heads/{number}x" for number in range(1_000_000)), "refs/tags/"))
    names = [f"refs/heads/{number}-branch" for number in range(250_000)]
    with ends_within_processor_seconds():  # comparing each name with each prefix takes ten minutes
        assert [name for name in [*names, "refs/heads/7xyz", "refs/tags/v1"] if found.covers(name)] == [
            "refs/heads/7xyz",
            "refs/tags/v1",
        ]


def test_only_a_line_feed_ends_a_line_of_git() -> None:
    assert read_lines("a\u2028b\nc\x85\x0c d\n") == ["a\u2028b", "c\x85\x0c d"]
    assert read_lines("") == []
