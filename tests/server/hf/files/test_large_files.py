from __future__ import annotations

from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from tests.support.site import Committer, Site

FILES = {f"m{n}.bin": bytes([0, n]) * 100 for n in range(5)}
UNKNOWN = "ab" * 32


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write_large(repo, FILES)
    return repo


def listed(client: httpx2.Client, repo: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/models/{repo}/lfs-files{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def gone(client: httpx2.Client, repo: str, path: str) -> bool:
    return client.get(f"/{repo}/resolve/main/{path}").status_code == 404


def test_large_files_are_listed_with_all_that_clients_index(alice: httpx2.Client, repo: str) -> None:
    entries = listed(alice, repo)
    assert {entry["filename"] for entry in entries} == set(FILES)
    first = entries[0]
    assert (first["size"], first["ref"], first["pusher"]["name"]) == (200, "main", "alice")
    assert (len(first["fileOid"]), len(first["oid"]), first["pushedAt"][-1]) == (24, 64, "Z")


def test_pages_are_linked_until_the_last(alice: httpx2.Client, repo: str) -> None:
    answer = alice.get(f"/api/models/{repo}/lfs-files?limit=2")
    seen = [entry["filename"] for entry in answer.json()]
    while "next" in answer.links:
        answer = alice.get(answer.links["next"]["url"])
        seen += [entry["filename"] for entry in answer.json()]
        assert len(answer.json()) <= 2
    assert sorted(seen) == sorted(FILES)


def test_a_cursor_that_is_none_is_a_bad_request(alice: httpx2.Client, repo: str) -> None:
    assert alice.get(f"/api/models/{repo}/lfs-files?cursor=x").status_code == 400


@pytest.mark.parametrize("rewrites", [False, True])
def test_deleted_files_are_gone_from_every_commit(alice: httpx2.Client, repo: str, rewrites: bool) -> None:
    before = [entry["title"] for entry in alice.get(f"/api/models/{repo}/commits/main").json()]
    ids = [entry["fileOid"] for entry in listed(alice, repo) if entry["filename"] in ("m0.bin", "m1.bin")]
    body = {"deletions": {"sha": ids, "rewriteHistory": rewrites}}
    assert alice.post(f"/api/models/{repo}/lfs-files/batch", json=body).status_code == 200
    assert {entry["filename"] for entry in listed(alice, repo)} == {"m2.bin", "m3.bin", "m4.bin"}
    assert gone(alice, repo, "m0.bin")
    assert not gone(alice, repo, "m2.bin")
    assert [entry["title"] for entry in alice.get(f"/api/models/{repo}/commits/main").json()] == before
    names = [entry["path"] for entry in alice.get(f"/api/models/{repo}/tree/main").json()]
    assert ("m0.bin" in names) is not rewrites


def test_one_file_is_deleted_by_its_digest(alice: httpx2.Client, repo: str) -> None:
    digest = next(entry["oid"] for entry in listed(alice, repo) if entry["filename"] == "m0.bin")
    assert alice.delete(f"/api/models/{repo}/lfs-files/{digest}?rewriteHistory=true").status_code == 200
    assert gone(alice, repo, "m0.bin")
    assert alice.delete(f"/api/models/{repo}/lfs-files/{digest}").status_code == 404


@pytest.mark.parametrize("name", [UNKNOWN, "x", "..%2Fx"])
def test_an_unknown_file_is_not_found(alice: httpx2.Client, repo: str, name: str) -> None:
    assert alice.delete(f"/api/models/{repo}/lfs-files/{name}").status_code == 404
    body = {"deletions": {"sha": [name]}}
    assert alice.post(f"/api/models/{repo}/lfs-files/batch", json=body).status_code == 404
    assert len(listed(alice, repo)) == 5


def test_a_thousand_deletions_are_the_most(alice: httpx2.Client, repo: str) -> None:
    body = {"deletions": {"sha": ["0" * 24] * 1001}}
    assert alice.post(f"/api/models/{repo}/lfs-files/batch", json=body).status_code == 413


@pytest.mark.parametrize("body", [{}, {"deletions": []}, {"deletions": {"sha": "x"}}])
def test_a_body_of_another_shape_is_a_bad_request(alice: httpx2.Client, repo: str, body: dict[str, Any]) -> None:
    assert alice.post(f"/api/models/{repo}/lfs-files/batch", json=body).status_code == 400


def test_large_files_are_for_writers(site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    body = {"deletions": {"sha": ["0" * 24]}}
    with site.client(site.reader) as reader:
        for client, status in ((reader, 403), (stranger, 403), (anonymous, 401)):
            assert client.get(f"/api/models/{repo}/lfs-files").status_code == status
            assert client.post(f"/api/models/{repo}/lfs-files/batch", json=body).status_code == status
            assert client.delete(f"/api/models/{repo}/lfs-files/{UNKNOWN}").status_code == status


def shared(client: httpx2.Client, source: str, target: str, *digests: str) -> httpx2.Response:
    files = [{"sha256": digest, "xetHash": "0" * 64} for digest in digests]
    body = {"target": {"type": "model", "name": target}, "files": files}
    return client.post(f"/api/models/{source}/lfs-files/duplicate", json=body)


def test_shared_files_can_be_committed_elsewhere(alice: httpx2.Client, committer: Committer, site: Site) -> None:
    source, target = site.new_repo(visibility="private"), site.new_repo()
    digest = committer.write_large(source, FILES)["m0.bin"]
    answer = shared(alice, source, target, digest)
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "processed": 1, "succeeded": 1, "failed": []}
    assert committer.send(target, ("lfsFile", {"path": "copy.bin", "oid": digest})).status_code == 200
    assert alice.get(f"/{target}/resolve/main/copy.bin").content == FILES["m0.bin"]


def test_files_that_the_source_has_not_are_reported(alice: httpx2.Client, site: Site, repo: str) -> None:
    digest = listed(alice, repo)[0]["oid"]
    answer = shared(alice, repo, site.new_repo(), digest, UNKNOWN, "x")
    assert answer.status_code == 207
    assert (answer.json()["processed"], answer.json()["succeeded"]) == (3, 1)
    assert [item["sha256"] for item in answer.json()["failed"]] == [UNKNOWN, "x"]
    assert all(item["error"] and item["xetHash"] for item in answer.json()["failed"])


def test_five_hundred_files_are_shared_at_most(alice: httpx2.Client, repo: str) -> None:
    assert shared(alice, repo, repo, *[UNKNOWN] * 501).status_code == 413


def test_sharing_needs_read_access_to_the_source_and_write_access_to_the_target(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, committer: Committer
) -> None:
    hidden, public, own = site.new_repo(visibility="private"), site.new_repo(), site.new_repo(owner="bob")
    digest = committer.write_large(hidden, FILES)["m0.bin"]
    assert shared(stranger, hidden, own, digest).status_code == 404
    assert shared(stranger, own, hidden, digest).status_code == 404
    assert shared(stranger, own, public, digest).status_code == 403
    assert shared(anonymous, public, own, digest).status_code == 401
    with site.client(site.reader) as reader:
        assert shared(reader, public, hidden, digest).status_code == 403


def test_the_client_lists_and_deletes_large_files(site: Site, repo: str) -> None:
    api = site.api()
    files = list(api.list_lfs_files(repo))
    assert {file.filename for file in files} == set(FILES)
    api.permanently_delete_lfs_files(repo, files[:2])
    assert len(list(api.list_lfs_files(repo))) == 3
    assert set(api.list_repo_files(repo)) == {".gitattributes", *(file.filename for file in files[2:])}
    with pytest.raises(HfHubHTTPError, match="404"):
        api.permanently_delete_lfs_files(repo, files[:1])
