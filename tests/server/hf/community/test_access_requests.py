from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from entrepot.hub.accounts import accounts
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.server.hf.community.access_requests import render_csv
from tests.support.site import Site

CARD = b"""---
extra_gated_prompt: Promise.
extra_gated_fields:
  Company: text
  =Use: text
  I agree: checkbox
---
"""
KINDS = [kind.value for kind in VERSIONED_TYPES]


@pytest.fixture
def make_gated(site: Site) -> Callable[..., str]:
    def make(kind: str = "model", gate: str = "manual", card: bytes = b"") -> str:
        name = f"gated-{kind}-{next(_NUMBERS)}"
        caller = site.hub.identify(site.alice)
        files = {"README.md": card} if card else {}
        ref = repositories.create(site.hub, caller, NewRepo(RepoType(kind), name, files=files)).ref
        repositories.configure(site.hub, caller, ref, RepoChanges(gated=gate))
        return f"alice/{name}"

    return make


_NUMBERS = itertools.count()


def fetch(api: HfApi, repo: str, folder: Path, kind: str = "model") -> None:
    """Download a file into an empty cache: from a filled one, the client serves files that it may no longer fetch."""
    api.hf_hub_download(repo, ".gitattributes", repo_type=kind, cache_dir=folder / str(next(_NUMBERS)))


@pytest.fixture
def bob(site: Site) -> Iterator[httpx2.Client]:
    with site.client(site.bob) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_client_decides_on_requests(
    site: Site, bob: httpx2.Client, make_gated: Callable[..., str], tmp_path: Path, kind: str
) -> None:
    repo = make_gated(kind)
    api, reader = site.api(), site.api(site.bob)

    def download() -> None:
        fetch(reader, repo, tmp_path, kind)

    assert reader.repo_exists(repo, repo_type=kind)
    page = f"{api.endpoint}/{'' if kind == 'model' else f'{kind}s/'}{repo}/access"
    with pytest.raises(GatedRepoError, match=f"Visit {re.escape(page)} to ask for access"):
        download()
    with pytest.raises(GatedRepoError):
        reader.auth_check(repo, repo_type=kind)
    assert bob.post(f"/api/{kind}s/{repo}/ask-access").json()["status"] == "pending"
    [pending] = api.list_pending_access_requests(repo, repo_type=kind)
    assert (pending.username, pending.status, pending.fields) == ("bob", "pending", None)
    with pytest.raises(GatedRepoError, match="awaiting a review"):
        download()
    api.accept_access_request(repo, "bob", repo_type=kind)
    download()
    reader.auth_check(repo, repo_type=kind)
    with pytest.raises(HfHubHTTPError, match="404"):
        api.accept_access_request(repo, "bob", repo_type=kind)
    [accepted] = api.list_accepted_access_requests(repo, repo_type=kind)
    api.reject_access_request(repo, request_id=accepted.request_id, rejection_reason="misuse", repo_type=kind)
    with pytest.raises(GatedRepoError, match="rejected"):
        download()
    assert bob.get(f"/api/{kind}s/{repo}/ask-access").json()["request"]["rejectionReason"] == "misuse"
    api.cancel_access_request(repo, "bob", repo_type=kind)
    assert [item.username for item in api.list_pending_access_requests(repo, repo_type=kind)] == ["bob"]
    assert list(api.list_rejected_access_requests(repo, repo_type=kind)) == []


def test_the_real_client_grants_access_without_a_request(
    site: Site, make_gated: Callable[..., str], tmp_path: Path
) -> None:
    repo, api = make_gated(), site.api()
    api.grant_access(repo, "bob")
    fetch(site.api(site.bob), repo, tmp_path)
    [accepted] = api.list_accepted_access_requests(repo)
    assert (accepted.username, accepted.email) == ("bob", None)
    with pytest.raises(BadRequestError):
        api.grant_access(repo, "bob")
    with pytest.raises(HfHubHTTPError, match="404"):
        api.grant_access(repo, "nobody")
    with pytest.raises(HfHubHTTPError, match="404"):
        api.accept_access_request(repo, "nobody")


def test_the_real_client_shows_who_decides_and_where(
    site: Site, make_gated: Callable[..., str], tmp_path: Path
) -> None:
    repo, open_repo = make_gated(), site.new_repo()
    with pytest.raises(BadRequestError):
        list(site.api().list_pending_access_requests(open_repo))
    for token in (site.bob, site.reader):
        with pytest.raises(HfHubHTTPError, match="403"):
            list(site.api(token).list_pending_access_requests(repo))
    with pytest.raises(GatedRepoError, match="log in"):
        fetch(HfApi(endpoint=site.url, token=False), repo, tmp_path)
    hidden = site.new_repo(visibility="private")
    with pytest.raises(RepositoryNotFoundError):
        site.api(site.bob).grant_access(hidden, "bob")


def test_an_automatic_gate_opens_for_a_responseed_form(bob: httpx2.Client, make_gated: Callable[..., str]) -> None:
    repo = make_gated("model", "auto", CARD)
    path = f"/api/models/{repo}/ask-access"
    gate = bob.get(path).json()
    assert (gate["gated"], gate["access"], gate["prompt"], gate["request"]) == ("auto", False, "Promise.", None)
    assert [(field["name"], field["type"]) for field in gate["fields"]] == [
        ("Company", "text"),
        ("=Use", "text"),
        ("I agree", "checkbox"),
    ]
    refused = bob.post(path, json={"Company": "Acme"})
    assert (refused.status_code, "'=Use'" in refused.json()["error"]) == (400, True)
    assert bob.get(f"/{repo}/resolve/main/README.md").status_code == 403
    made = bob.post(path, json={"Company": "Acme", "=Use": "fun", "I agree": True})
    assert made.json()["status"] == "accepted"
    assert bob.get(f"/{repo}/resolve/main/README.md").status_code == 200
    assert bob.get(path).json()["access"]


def test_a_page_sends_a_form_and_goes_back(bob: httpx2.Client, make_gated: Callable[..., str]) -> None:
    repo = make_gated("dataset", "auto", CARD)
    form = {"Company": "Acmé", "=Use": "fun", "I agree": "on"}
    answer = bob.post(f"/datasets/{repo}/ask-access", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/datasets/{repo}")
    assert bob.get(f"/api/datasets/{repo}/auth-check").status_code == 200
    assert bob.post(f"/datasets/{repo}/ask-access", json={}).json()["status"] == "accepted"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[]", "application/json"), (b"{", "application/json"), (b"\xff=%ff", "application/x-www-form-urlencoded")],
)
def test_a_body_that_is_no_form_is_refused(
    bob: httpx2.Client, make_gated: Callable[..., str], body: bytes, kind: str
) -> None:
    answer = bob.post(f"/api/models/{make_gated()}/ask-access", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    large = b'{"a": "' + b"x" * (256 << 10) + b'"}'
    answer = bob.post(f"/api/models/{make_gated()}/ask-access", content=large, headers={"content-type": kind})
    assert answer.status_code == 413


def test_a_request_is_taken_back(bob: httpx2.Client, make_gated: Callable[..., str]) -> None:
    repo = make_gated("model", "auto")
    bob.post(f"/api/models/{repo}/ask-access")
    cancel = f"/api/models/{repo}/user-access-request/cancel"
    assert [bob.post(cancel).status_code for _ in range(2)] == [200, 404]
    assert bob.get(f"/api/models/{repo}/auth-check").status_code == 403


def test_many_are_decided_in_one_request(
    alice: httpx2.Client, bob: httpx2.Client, make_gated: Callable[..., str]
) -> None:
    repo = make_gated()
    bob.post(f"/api/models/{repo}/ask-access")
    body = {"status": "accepted", "requests": [{"user": "bob"}, {"user": "nobody"}]}
    answer = alice.post(f"/api/models/{repo}/user-access-request/batch", json=body)
    assert answer.json() == [
        {"user": "bob", "ok": True},
        {"user": "nobody", "ok": False, "error": "no user is called 'nobody'"},
    ]
    assert bob.get(f"/api/models/{repo}/auth-check").status_code == 200


def test_lists_come_in_pages(site: Site, alice: httpx2.Client, make_gated: Callable[..., str]) -> None:
    repo = make_gated()
    for number in range(3):
        name = f"asker{number}"
        accounts.create_user(site.hub, name)
        token = accounts.create_token(site.hub, name, role="write").secret
        with site.client(token) as client:
            client.post(f"/api/models/{repo}/ask-access")
    url, names = f"/api/models/{repo}/user-access-request/pending?limit=2", []
    while url:
        answer = alice.get(url)
        names += [row["user"]["user"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert sorted(names) == ["asker0", "asker1", "asker2"]
    assert alice.get(f"/api/models/{repo}/user-access-request/pending?cursor=x").status_code == 400


def test_the_report_is_csv_without_formulas(
    alice: httpx2.Client, bob: httpx2.Client, make_gated: Callable[..., str]
) -> None:
    repo = make_gated("model", "auto", CARD)
    answers = {"Company": "=HYPERLINK(1)", "=Use": "a,b\n-c", "I agree": True}
    bob.post(f"/api/models/{repo}/ask-access", json=answers)
    answer = alice.get(f"/{repo}/user-access-report")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    head, row = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert head == ["user", "fullname", "email", "status", "timestamp", "Company", "'=Use", "I agree"]
    assert (row[0], row[3], row[5:]) == ("bob", "accepted", ["'=HYPERLINK(1)", "a,b\n-c", "True"])
    assert bob.get(f"/{repo}/user-access-report").status_code == 403


def test_a_report_of_no_one_has_a_head() -> None:
    assert render_csv([]) == "user,fullname,email,status,timestamp\r\n"


def test_a_clone_of_a_gated_repository_says_why_not(site: Site, make_gated: Callable[..., str]) -> None:
    repo = make_gated()
    with site.client(site.bob) as client:
        answer = client.get(f"/{repo}/info/refs?service=git-upload-pack")
        assert answer.status_code == 403
        assert "Access to model" in answer.text
        site.api().grant_access(repo, "bob")
        assert client.get(f"/{repo}/info/refs?service=git-upload-pack").status_code == 200
    with site.client(None) as client:
        answer = client.get(f"/{repo}/info/refs?service=git-upload-pack")
        assert (answer.status_code, "Basic" in answer.headers["www-authenticate"]) == (401, True)
