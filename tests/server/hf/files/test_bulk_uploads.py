from __future__ import annotations

import hashlib
from collections.abc import Sequence

import httpx2
import pytest

from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.wire.files.bulk_uploads import (
    MAX_BODY,
    MAX_BYTES,
    MAX_FILE,
    MAX_FILES,
    MEDIA_TYPE,
    BulkUploadFile,
    encode_upload,
)
from tests.support.site import Committer, Site


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def body_of(contents: Sequence[bytes]) -> bytes:
    return encode_upload([BulkUploadFile(sha(data), len(data)) for data in contents], contents)


def post(client: httpx2.Client, repo: str, body: bytes, query: str = "", kind: str = "models") -> httpx2.Response:
    return client.post(f"/api/{kind}/{repo}/files/main{query}", content=body, headers={"Content-Type": MEDIA_TYPE})


def test_files_sent_in_bulk_can_be_committed_and_fetched(
    alice: httpx2.Client, site: Site, committer: Committer
) -> None:
    repo, contents = site.new_repo(), [b"\0one", b"\0two", b"\0one"]
    answer = post(alice, repo, body_of(contents))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"stored": [sha(b"\0one"), sha(b"\0two")]}
    lines = [
        ("lfsFile", {"path": f"{number}.bin", "algo": "sha256", "oid": sha(data), "size": len(data)})
        for number, data in enumerate(contents)
    ]
    assert committer.send(repo, *lines).status_code == 200
    for number, data in enumerate(contents):
        assert alice.get(f"/{repo}/resolve/main/{number}.bin").content == data


@pytest.mark.parametrize("kind", list(VERSIONED_TYPES))
def test_all_types_of_repositories_take_files(alice: httpx2.Client, site: Site, kind: RepoType) -> None:
    assert post(alice, site.new_repo(kind), body_of([b"x"]), kind=kind.plural).status_code == 200


def test_too_much_is_refused(alice: httpx2.Client, site: Site) -> None:
    repo, mib = site.new_repo(), b"x" * MAX_FILE
    many = [b"%d" % number for number in range(MAX_FILES + 1)]
    much = [mib] * (MAX_BYTES // MAX_FILE) + [b"x"]
    for contents in (many, much, [mib + b"x"]):
        answer = post(alice, repo, body_of(contents))
        assert answer.status_code == 413
        assert "LFS" in answer.json()["error"]
    assert post(alice, repo, b"x" * (MAX_BODY + 1)).status_code == 413


def test_other_bytes_than_announced_are_refused(alice: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    answer = post(alice, repo, encode_upload([BulkUploadFile(sha(b"x"), 1)], [b"y"]))
    assert (answer.status_code, "nothing was kept" in answer.json()["error"]) == (400, True)
    assert post(alice, repo, body_of([b"abc"])[:-1]).status_code == 400


def test_readers_upload_for_a_pull_request(stranger: httpx2.Client, anonymous: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    assert post(stranger, repo, body_of([b"x"]), "?create_pr=1").status_code == 200
    assert post(anonymous, repo, body_of([b"x"]), "?create_pr=1").status_code == 401


def test_who_may_not_write_delivers_nothing(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, site: Site
) -> None:
    repo = site.new_repo()
    assert post(stranger, repo, b"no delivery").status_code == 403
    assert post(anonymous, repo, b"no delivery").status_code == 401
    with site.client(site.reader) as reader:
        assert post(reader, repo, b"no delivery").status_code == 403
    hidden, absent = site.new_repo(visibility="private"), "alice/absent"
    for client in (anonymous, stranger):
        answers = [post(client, name, body_of([b"x"])) for name in (hidden, absent)]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content
