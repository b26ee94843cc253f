from __future__ import annotations

import httpx2
import pytest

from entrepot.names import RepoType
from entrepot.wire.files.bulk_downloads import MAX_FILE, MAX_PATHS, MEDIA_TYPE, BulkDownloadHeader, read_contents
from tests.support.site import Committer, Site


def asked(
    client: httpx2.Client, repo: str, paths: list[str], rev: str = "main"
) -> tuple[BulkDownloadHeader, dict[str, bytes]]:
    answer = client.post(f"/api/models/{repo}/contents/{rev}", json={"paths": paths})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    head, files = read_contents(answer.content)
    assert answer.headers["x-repo-commit"] == head.commit
    return head, {file.path: data for file, data in files}


def test_many_files_come_in_one_response_with_the_tags_of_resolve(
    anonymous: httpx2.Client, site: Site, committer: Committer
) -> None:
    repo = site.new_repo()
    digest = committer.write_large(repo, {"large.bin": b"\0" * 300})["large.bin"]
    commit = committer.write(repo, {"a.txt": b"hello", "d/ä.txt": b"", "d/c": b"x\ny"})
    head, files = asked(anonymous, repo, ["d/c", "a.txt", "large.bin", "d/ä.txt", "a.txt"])
    assert files == {"d/c": b"x\ny", "a.txt": b"hello", "large.bin": b"\0" * 300, "d/ä.txt": b""}
    assert (head.commit, head.left) == (commit, [])
    tags = {file.path: file.etag for file in head.files}
    assert tags["large.bin"] == digest
    assert tags["a.txt"] == anonymous.head(f"/{repo}/resolve/main/a.txt").headers["etag"].strip('"')


def test_files_that_cannot_be_sent_in_bulk_are_left_for_single_requests(
    anonymous: httpx2.Client, site: Site, committer: Committer
) -> None:
    repo = site.new_repo()
    committer.write(repo, {"a": b"1", "d/b": b"2", "big": b"x" * (MAX_FILE + 1)})
    head, files = asked(anonymous, repo, ["missing", "d", "big", "../x", "", "a", "d/b/c"])
    assert files == {"a": b"1"}
    assert head.left == ["missing", "d", "big", "../x", "", "d/b/c"]


def test_a_response_is_bounded_in_bytes(anonymous: httpx2.Client, site: Site, committer: Committer) -> None:
    repo = site.new_repo()
    names = [f"f{n}" for n in range(9)]
    committer.write(repo, {name: name.encode() * (MAX_FILE // 2) for name in names} | {"small": b"s"})
    head, files = asked(anonymous, repo, [*names, "small"])
    assert list(files) == names[:8]  # 8 MiB, so that not even the small one fits
    assert head.left == ["f8", "small"]


def test_too_many_paths_are_refused(anonymous: httpx2.Client, site: Site) -> None:
    answer = anonymous.post(
        f"/api/models/{site.new_repo()}/contents/main", json={"paths": [str(n) for n in range(MAX_PATHS + 1)]}
    )
    assert answer.status_code == 413


def test_a_private_repository_is_as_invisible_here_as_elsewhere(
    anonymous: httpx2.Client, stranger: httpx2.Client, alice: httpx2.Client, site: Site
) -> None:
    hidden, absent = site.new_repo(visibility="private"), "alice/absent"
    for client in (anonymous, stranger):
        answers = [client.post(f"/api/models/{repo}/contents/main", json={"paths": ["x"]}) for repo in (hidden, absent)]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content
        assert answers[0].headers["x-error-code"] == "RepoNotFound"
    assert asked(alice, hidden, [".gitattributes"])[1]


def test_a_gated_repository_gives_no_content(stranger: httpx2.Client, alice: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    assert alice.put(f"/api/models/{repo}/settings", json={"gated": "manual"}).status_code == 200
    answer = stranger.post(f"/api/models/{repo}/contents/main", json={"paths": [".gitattributes"]})
    assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")


@pytest.mark.parametrize(("rev", "code"), [("nope", "RevisionNotFound"), ("0" * 40, "RevisionNotFound")])
def test_an_unknown_revision_is_said(anonymous: httpx2.Client, site: Site, rev: str, code: str) -> None:
    answer = anonymous.post(f"/api/models/{site.new_repo()}/contents/{rev}", json={"paths": []})
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, code)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"paths": "a"}', b"\xff"])
def test_an_invalid_body_is_a_bad_request(anonymous: httpx2.Client, site: Site, body: bytes) -> None:
    assert anonymous.post(f"/api/models/{site.new_repo()}/contents/main", content=body).status_code == 400


def test_datasets_and_spaces_answer_too(anonymous: httpx2.Client, site: Site) -> None:
    for kind in (RepoType.DATASET, RepoType.SPACE):
        repo = site.new_repo(kind)
        answer = anonymous.post(f"/api/{kind.plural}/{repo}/contents/main", json={"paths": [".gitattributes"]})
        assert len(read_contents(answer.content)[0].files) == 1
