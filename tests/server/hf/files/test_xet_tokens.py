from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import hf_hub_download

from entrepot.hub.files.xet_tokens import LIFETIME_S
from entrepot.names import VERSIONED_TYPES, RepoType
from tests.support.site import Site


def ask(client: httpx2.Client, repo: str, verb: str, revision: str = "main", kind: RepoType = RepoType.MODEL) -> Any:
    return client.get(f"/api/{kind.plural}/{repo}/xet-{verb}-token/{revision}")


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_token_is_in_the_body_and_in_the_headers(site: Site, alice: httpx2.Client, kind: RepoType, verb: str) -> None:
    answer = ask(alice, site.new_repo(kind), verb, kind=kind)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"casUrl", "exp", "accessToken"}
    assert body["casUrl"].startswith(f"{site.url}/xet/")
    assert not body["casUrl"].endswith("/")
    assert body["accessToken"].startswith("xet_")
    assert abs(body["exp"] - (time.time() + LIFETIME_S)) < 30
    assert answer.headers["x-xet-cas-url"] == body["casUrl"]
    assert answer.headers["x-xet-access-token"] == body["accessToken"]
    assert answer.headers["x-xet-token-expiration"] == str(body["exp"])
    assert "no-store" in answer.headers["cache-control"]


def test_the_store_has_the_address_of_the_request(site: Site, alice: httpx2.Client) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "hub.example"}
    answer = alice.get(f"/api/models/{site.new_repo()}/xet-read-token/main", headers=forwarded)
    assert answer.json()["casUrl"].startswith("https://hub.example/xet/")


def test_a_revision_is_one_segment_or_a_whole_ref(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    for branch in ("a%2Fb", "v1"):
        alice.post(f"/api/models/{repo}/branch/{branch}").raise_for_status()
    head = alice.get(f"/api/models/{repo}").json()["sha"]
    revisions = ("main", "a%2Fb", "v1", "refs%2Fheads%2Fv1", "refs/heads/v1", head, "None")
    assert [ask(alice, repo, "read", revision).status_code for revision in revisions] == [200] * len(revisions)


def test_a_read_token_needs_a_revision_that_is_there(site: Site, alice: httpx2.Client) -> None:
    answer = ask(alice, site.new_repo(), "read", "absent")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


@pytest.mark.parametrize("revision", ["main", "not-made-yet", "None", "None?create_pr=1", "main?create_pr=1"])
def test_a_writer_gets_a_token_for_any_revision(site: Site, alice: httpx2.Client, revision: str) -> None:
    assert ask(alice, site.new_repo(), "write", revision).status_code == 200


@pytest.mark.parametrize("revision", ["main", "None"])
def test_a_reader_gets_no_write_token(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, revision: str
) -> None:
    repo = site.new_repo()
    with site.client(site.reader) as reader:
        assert [ask(client, repo, "write", revision).status_code for client in (reader, stranger)] == [403, 403]
        assert [ask(client, repo, "read").status_code for client in (reader, stranger, anonymous)] == [200] * 3
    assert ask(anonymous, repo, "write", revision).status_code == 401


@pytest.mark.parametrize("revision", ["None?create_pr=1", "main?create_pr=1"])
def test_readers_get_a_token_for_a_pull_request(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, revision: str
) -> None:
    repo = site.new_repo()
    assert ask(stranger, repo, "write", revision).status_code == 200
    with site.client(site.reader) as reader:
        assert ask(reader, repo, "write", revision).status_code == 403
    assert ask(anonymous, repo, "write", revision).status_code == 401
    stranger.post(f"/api/models/{repo}/discussions", json={"title": "One", "pullRequest": True})
    assert ask(stranger, repo, "write", "refs%2Fpr%2F1").status_code == 200
    assert ask(stranger, repo, "write", "refs%2Fpr%2F2").status_code == 404


@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_private_repository_is_absent_for_others(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, verb: str
) -> None:
    repo = site.new_repo(visibility="private")
    for client, status in ((stranger, 404), (anonymous, 401)):
        hidden, absent = ask(client, repo, verb), ask(client, "alice/absent", verb)
        assert (hidden.status_code, absent.status_code) == (status, status)
        assert (hidden.json(), hidden.headers["x-error-code"]) == (absent.json(), "RepoNotFound")


def test_a_gated_repository_is_read_by_its_owner_only(
    site: Site, alice: httpx2.Client, stranger: httpx2.Client
) -> None:
    repo = site.new_repo()
    alice.put(f"/api/models/{repo}/settings", json={"gated": "auto"}).raise_for_status()
    answer = ask(stranger, repo, "read")
    assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
    assert ask(alice, repo, "read").status_code == 200


def test_a_moved_repository_redirects_to_its_pass(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    alice.post("/api/repos/move", json={"fromRepo": repo, "toRepo": f"{repo}-new"}).raise_for_status()
    answer = ask(alice, repo, "read")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/api/models/{repo}-new/xet-read-token/main")


def test_a_process_that_read_a_repository_reads_the_one_made_anew_under_its_name(site: Site, tmp_path: Path) -> None:
    api, name = site.api(), site.new_repo()
    for number in range(2):
        content = secrets.token_bytes(200_000)
        api.upload_file(path_or_fileobj=content, path_in_repo="m.bin", repo_id=name)
        for reader in (site.alice, site.bob):
            place = tmp_path / f"{number}-{reader}"
            path = hf_hub_download(name, "m.bin", endpoint=site.url, token=reader, cache_dir=place)
            assert Path(path).read_bytes() == content
        api.delete_repo(name)
        api.create_repo(name)
