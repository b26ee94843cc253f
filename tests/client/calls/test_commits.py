from __future__ import annotations

from collections.abc import Callable

from entrepot.client.calls import commits, files
from entrepot.client.hubs import Hub
from entrepot.names import RepoRef
from entrepot.wire.repos.commits import CommitHeader, CommitLine, File, FileLine, HeaderLine

LINES: tuple[CommitLine, ...] = (HeaderLine(CommitHeader(summary="add")), FileLine(File(path="a.txt", content="hi")))


def test_a_commit_whole_or_streamed(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    whole = hub.send(commits.create(ref, "main", b"".join(map(commits.encode_line, LINES))))
    assert whole.commit_url == f"{hub.endpoint}/{ref.path}/commit/{whole.commit_oid}"
    assert hub.send(files.content(ref, whole.commit_oid, "a.txt")) == b"hi"
    call = commits.create(ref, "main")
    answer = hub.transport.upload(
        call.method,
        call.path,
        (commits.encode_line(line) for line in (LINES[0], FileLine(File(path="b.txt", content="ho")))),
        size=None,
        headers={"content-type": str(call.media_type)},
        is_authorized=True,
    )
    assert hub.send(files.content(ref, commits.read_commit(answer).commit_oid, "b.txt")) == b"ho"


def test_a_commit_is_not_repeated_unless_it_is_pinned(fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    assert not commits.create(ref, "main").is_repeatable
    assert commits.create(ref, "main", is_repeatable=True).is_repeatable
    assert commits.create(ref, "main", create_pr=True).query == (("create_pr", "1"),)


def test_lines_end() -> None:
    assert commits.encode_line(LINES[0]) == b'{"key":"header","value":{"summary":"add"}}\n'
