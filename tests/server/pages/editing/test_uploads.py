from __future__ import annotations

import hashlib
import itertools

import httpx2
import pytest

from entrepot.hub.accounts import accounts, quotas
from entrepot.hub.callers import Role
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType
from entrepot.server.pages.editing import uploads
from tests.server.pages.conftest import PASSWORD, browse, field_of, form_token
from tests.support.served_hub import ServedHub

NUMBERS = itertools.count()
NOISE = hashlib.shake_256(b"noise").digest(3 << 20)


@pytest.fixture
def ref(site: ServedHub) -> RepoRef:
    """A repository of its own for each test."""
    made = site.repo(f"uploaded-{next(NUMBERS)}")
    site.commit(made, {"config.json": b"{}"})
    return made


def upload(
    client: httpx2.Client, page: str, files: dict[str, bytes], follow: bool = True, **fields: str
) -> httpx2.Response:
    """Send files as a browser does."""
    text = client.get(page).text
    data = {"csrf": form_token(client, page), "parent": field_of(text, "parent"), "how": "commit", **fields}
    sent = [("files", (name, content, "application/octet-stream")) for name, content in files.items()]
    return client.post(page, data=data, files=sent or [("files", ("", b""))], follow_redirects=follow)


def raw(site: ServedHub, ref: RepoRef, path: str, revision: str = "main") -> bytes | None:
    with site.client(site.alice, **{}) as client:
        answer = client.get(f"/{ref.path}/resolve/{revision.replace('/', '%2F')}/{path}", follow_redirects=True)
        return answer.content if answer.status_code == 200 else None


def test_a_member_uploads_large_files_to_an_organisation(site: ServedHub, signed_in: httpx2.Client) -> None:
    accounts.create_user(site.hub, "olga")
    accounts.create_org(site.hub, "acme", admin="olga")
    accounts.set_member(site.hub, "acme", "alice", Role.WRITE)
    ref = repositories.create(site.hub, site.caller(), NewRepo(RepoType.MODEL, "m", "acme")).ref
    answer = upload(signed_in, f"/{ref.path}/upload/main", {"b.bin": NOISE})
    assert "Committed." in answer.text
    assert raw(site, ref, "b.bin") == NOISE


def test_small_and_large_files_are_uploaded_in_one_commit(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client
) -> None:
    page = f"/{ref.path}/upload/main/data"
    assert f'href="{page}"' not in signed_in.get(f"/{ref.path}/tree/main").text
    assert f'href="/{ref.path}/upload/main"' in signed_in.get(f"/{ref.path}/tree/main").text
    files = {"a.txt": b"one\r\n", "sub/é b.bin": NOISE, "model.safetensors": b"\0" * 10, "empty": b""}
    answer = upload(signed_in, page, files, folder="data")
    assert answer.status_code == 200, answer.text
    assert answer.url.path == f"/{ref.path}/tree/main/data"
    assert "Committed." in answer.text
    for name, content in files.items():
        assert raw(site, ref, f"data/{name}") == content
    assert "Upload 4 files" in signed_in.get(f"/{ref.path}/commits/main").text
    with site.client(site.alice) as client:
        tree = {item["path"]: item for item in client.get(f"/api/models/{ref.id}/tree/main/data?recursive=true").json()}
    assert tree["data/sub/é b.bin"]["lfs"]["oid"] == hashlib.sha256(NOISE).hexdigest()
    assert "lfs" not in tree["data/a.txt"]
    # The same content again costs no transfer into the store, and replaces nothing else.
    assert upload(signed_in, page, {"copy.bin": NOISE}, folder="").status_code == 200
    assert raw(site, ref, "copy.bin") == NOISE


def test_a_stranger_uploads_into_a_pull_request(site: ServedHub, ref: RepoRef) -> None:
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as bob:
        bob.post("/login", data={"name": "bob", "password": PASSWORD})
        page = f"/{ref.path}/upload/main"
        files = {"model.safetensors": NOISE, "README.md": b"# Better"}
        assert upload(bob, page, files).status_code == 403
        answer = upload(bob, page, files, how="pull", summary="A better model")
        assert answer.status_code == 200, answer.text
        assert answer.url.path == f"/{ref.path}/discussions/1"
        assert raw(site, ref, "model.safetensors") is None
        assert raw(site, ref, "model.safetensors", "refs/pr/1") == NOISE
        answer = upload(bob, f"/{ref.path}/upload/refs%2Fpr%2F1", {"b.bin": b"\0b"})
        assert answer.url.path == f"/{ref.path}/discussions/1"
        assert raw(site, ref, "b.bin", "refs/pr/1") == b"\0b"


@pytest.mark.parametrize("files", [{}, {"../x": b"x"}, {".git/config": b"x"}])
def test_an_upload_that_is_wrong_shows_the_form_again(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, files: dict[str, bytes]
) -> None:
    answer = upload(signed_in, f"/{ref.path}/upload/main", files, summary="My <message>", folder="a")
    assert answer.status_code in (400, 422)
    assert field_of(answer.text, "summary") == "My <message>"
    assert field_of(answer.text, "folder") == "a"
    assert "Choose the files again" in answer.text


def test_files_others_committed_meanwhile_are_not_replaced(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client
) -> None:
    page = f"/{ref.path}/upload/main"
    parent = field_of(signed_in.get(page).text, "parent")
    site.commit(ref, {"config.json": b"theirs"})
    answer = upload(signed_in, page, {"config.json": b"mine"}, parent=parent)
    assert answer.status_code == 409
    assert "others have changed files since you opened this page" in answer.text.lower()
    assert raw(site, ref, "config.json") == b"theirs"


def test_an_upload_that_is_too_long_is_refused(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 1 << 20)
    answer = upload(signed_in, f"/{ref.path}/upload/main", {"a.bin": NOISE})
    assert answer.status_code == 413
    assert "hf upload" in answer.text
    assert not [path for path in site.hub.settings.data.iterdir() if path.name.startswith("form-")]


def test_a_full_quota_is_shown_and_kept(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/upload/main"
    assert "has used" not in signed_in.get(page).text
    quotas.change(site.hub, "alice", {"max_bytes": quotas.show(site.hub, "alice").used + 1000})
    try:
        assert "alice has used" in signed_in.get(page).text
        fresh = hashlib.shake_256(b"other").digest(1 << 20)
        answer = upload(signed_in, page, {"big.bin": fresh})
        assert answer.status_code in (409, 413)
        assert "quota" in answer.text.lower()
        assert raw(site, ref, "big.bin") is None
    finally:
        quotas.change(site.hub, "alice", {"max_bytes": None})


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data"])
def test_a_body_that_is_no_form_with_files_is_refused(
    ref: RepoRef, signed_in: httpx2.Client, content_type: str
) -> None:
    page = f"/{ref.path}/upload/main"
    assert signed_in.post(page, content=b"x", headers={"content-type": content_type}).status_code == 400
    cut = {"content-type": "multipart/form-data; boundary=x"}
    assert signed_in.post(page, content=b"--x\r\n", headers=cut).status_code == 400
    assert signed_in.post(page, content=b"", headers=cut).status_code == 400


def test_a_form_from_elsewhere_or_without_token_is_refused(ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/upload/main"
    assert upload(signed_in, page, {"a.txt": b"a"}, csrf="0" * 64).status_code == 403
    signed_in.headers["sec-fetch-site"] = "cross-site"
    answer = signed_in.post(page, content=b"x", headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 403
