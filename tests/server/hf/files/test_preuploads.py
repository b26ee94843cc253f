from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

from tests.support.site import Committer, Site

MIB = 1024 * 1024


@pytest.fixture
def repo(site: Site) -> str:
    repo: str = site.new_repo()
    return repo


def item(path: str, data: bytes = b"text", size: int | None = None) -> dict[str, Any]:
    sample = base64.b64encode(data[:512]).decode()
    return {"path": path, "size": len(data) if size is None else size, "sample": sample, "sha": "0" * 40}


def asked(client: httpx2.Client, repo: str, *files: dict[str, Any], **more: Any) -> httpx2.Response:
    return client.post(f"/api/models/{repo}/preupload/main", json={"files": files} | more)


def modes(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {file["path"]: file["uploadMode"] for file in answer.json()["files"]}


def test_rules_size_and_content_decide(alice: httpx2.Client, repo: str) -> None:
    answer = asked(
        alice,
        repo,
        item("a.txt"),
        item("model.safetensors"),
        item("big.txt", size=11 * MIB),
        item("image.xyz", b"\x89PNG\0"),
        item("latin.txt", b"caf\xe9 au lait"),
    )
    assert modes(answer) == {
        "a.txt": "regular",
        "model.safetensors": "lfs",
        "big.txt": "lfs",
        "image.xyz": "lfs",
        "latin.txt": "lfs",
    }
    head = alice.get(f"/api/models/{repo}/commits/main").json()[0]["id"]
    assert answer.json()["commitOid"] == head
    assert answer.json()["files"][0] == {"path": "a.txt", "uploadMode": "regular", "shouldIgnore": False}


HOSTILE = "\n".join(f"**/a/**/a/**/a/**/b{number}" for number in range(1_400))
"""Patterns that compare each folder of a path many times."""


@pytest.mark.parametrize(
    "sent",
    [{"gitIgnore": HOSTILE}, {"gitAttributes": HOSTILE.replace("\n", " filter=lfs\n")}],
    ids=lambda sent: min(sent),
)
def test_rules_and_paths_that_take_long_to_match_are_refused(
    alice: httpx2.Client, repo: str, sent: dict[str, str]
) -> None:
    """A path of 250 bytes took a fifth of a second, and a request may have a thousand of 4 KB."""
    few = asked(alice, repo, *(item(f"a/b/{number}.txt") for number in range(200)), **sent)
    assert few.status_code == 200, few.text
    folder = "abcdefghijklmnopqrstuvwxyz/" * 126
    refused = asked(alice, repo, *(item(f"{folder}{number}") for number in range(1_000)), **sent)
    assert refused.status_code == 413
    assert "rules of .gitattributes and .gitignore" in refused.json()["error"]


def test_no_client_is_warned_of_anything(alice: httpx2.Client, repo: str) -> None:
    assert "x-hf-warning" not in asked(alice, repo, item("a.txt"), item("a.bin")).headers


def test_the_ids_of_existing_files_are_sent(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    committer.write(repo, {"a.txt": b"hello"})
    digest = committer.write_large(repo, {"m.bin": b"\0" * 100})["m.bin"]
    files = asked(alice, repo, item("a.txt", b"hello"), item("m.bin")).json()["files"]
    assert [file["oid"] for file in files] == ["b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", digest]


@pytest.mark.parametrize("path", ["ü ✓.txt", "a b/c%20d", "folder/x\\y", 'quo"te'])
def test_a_path_comes_back_as_it_was_sent(alice: httpx2.Client, repo: str, path: str) -> None:
    assert modes(asked(alice, repo, item(path))) == {path: "regular"}


def test_given_rules_stand_for_the_stored_ones(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    committer.write(repo, {".gitignore": b"*.log\n"})
    stored = asked(alice, repo, item("a.log"), item("a.tmp")).json()["files"]
    given = asked(alice, repo, item("a.log"), item("a.tmp"), gitIgnore="*.tmp\n").json()["files"]
    assert [file["shouldIgnore"] for file in stored] == [True, False]
    assert [file["shouldIgnore"] for file in given] == [False, True]
    rules = "*.txt filter=lfs\n"
    assert modes(asked(alice, repo, item("a.txt"), gitAttributes=rules)) == {"a.txt": "lfs"}


def test_a_sample_may_lack_its_padding_or_be_absent(alice: httpx2.Client, repo: str) -> None:
    files = [item("a") | {"sample": "aGk"}, {"path": "b", "size": 1}]
    assert modes(asked(alice, repo, *files)) == {"a": "regular", "b": "regular"}


@pytest.mark.parametrize("sample", ["!!!!", "aGk=aGk=", "é", "aGk=\x00"])
def test_a_sample_that_is_no_base64_is_a_bad_request(alice: httpx2.Client, repo: str, sample: str) -> None:
    answer = asked(alice, repo, item("a.txt") | {"sample": sample})
    assert answer.status_code == 400
    assert "'a.txt' is not valid base64" in answer.json()["error"]


BAD_PATHS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../x",
    "./a",
    "a//b",
    "a/",
    ".git/x",
    "a/.GIT/x",
    "..\\ddd",
    "a\\..\\x",
    "C:\\x",
]


@pytest.mark.parametrize("path", [*BAD_PATHS, "a\0b", "a\nb", "x" * 1_000_000, "d/" * 1000 + "x"], ids=lambda p: p[:9])
def test_a_path_that_leads_elsewhere_cannot_be_uploaded(alice: httpx2.Client, repo: str, path: str) -> None:
    answer = asked(alice, repo, item(path))
    assert answer.status_code == 422
    assert len(answer.headers["x-error-message"]) <= 1000


def test_a_thousand_files_are_the_most(alice: httpx2.Client, repo: str) -> None:
    assert asked(alice, repo, *(item(f"f{n}") for n in range(1000))).status_code == 200
    assert asked(alice, repo, *(item(f"f{n}") for n in range(1001))).status_code == 413


def test_rules_of_a_megabyte_are_too_many(alice: httpx2.Client, repo: str) -> None:
    assert asked(alice, repo, item("a"), gitIgnore="*" * (MIB + 1)).status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"files":[{"path":"a"}]}', b'{"files":"a"}', b"\xff", b"[" * 99999]
)
def test_a_body_of_another_shape_is_a_bad_request(alice: httpx2.Client, repo: str, body: bytes) -> None:
    assert alice.post(f"/api/models/{repo}/preupload/main", content=body).status_code == 400


def test_a_body_of_nine_megabytes_is_refused(alice: httpx2.Client, repo: str) -> None:
    assert alice.post(f"/api/models/{repo}/preupload/main", content=b" " * (9 * MIB)).status_code == 413


def test_a_revision_must_be_a_branch(alice: httpx2.Client, repo: str) -> None:
    head = alice.get(f"/api/models/{repo}/commits/main").json()[0]["id"]
    for revision in ("nope", head):
        answer = alice.post(f"/api/models/{repo}/preupload/{revision}", json={"files": [item("a")]})
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_readers_are_reported_for_a_pull_request(stranger: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    body = {"files": [item("a.bin")]}
    answer = stranger.post(f"/api/models/{repo}/preupload/main?create_pr=1", json=body)
    assert answer.json()["files"][0]["uploadMode"] == "lfs"
    assert stranger.post(f"/api/models/{repo}/preupload/nope?create_pr=1", json=body).status_code == 404
    assert anonymous.post(f"/api/models/{repo}/preupload/main?create_pr=1", json=body).status_code == 401


def test_an_open_pull_request_is_a_place_for_its_author_only(
    site: Site, stranger: httpx2.Client, alice: httpx2.Client, repo: str
) -> None:
    body = {"title": "Mine", "pullRequest": True}
    assert stranger.post(f"/api/models/{repo}/discussions", json=body).json()["num"] == 1
    assert alice.post(f"/api/models/{repo}/discussions", json=body).json()["num"] == 2
    asked = {"files": [item("a")]}
    for query in ("", "?create_pr=1"):  # clients send both for one that they opened before
        assert stranger.post(f"/api/models/{repo}/preupload/refs%2Fpr%2F1{query}", json=asked).status_code == 200
        assert stranger.post(f"/api/models/{repo}/preupload/refs%2Fpr%2F2{query}", json=asked).status_code == 403


def test_only_writers_are_reported(site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    with site.client(site.reader) as reader:
        codes = [asked(client, repo, item("../x")).status_code for client in (reader, stranger, anonymous)]
    assert codes == [403, 403, 401]


def test_a_private_repository_is_hidden(site: Site, stranger: httpx2.Client, anonymous: httpx2.Client) -> None:
    repo = site.new_repo(visibility="private")
    for client, status in ((stranger, 404), (anonymous, 401)):
        answer = asked(client, repo, item("a"))
        assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")
