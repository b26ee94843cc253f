from __future__ import annotations

import itertools
import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.server.pages.conftest import PASSWORD, browse, field_of, form_token
from tests.support.served_hub import ServedHub

NUMBERS = itertools.count()
COMMIT = {"how": "commit", "summary": "", "description": ""}


@pytest.fixture
def ref(site: ServedHub) -> RepoRef:
    """A repository of its own for each test."""
    made = site.repo(f"edited-{next(NUMBERS)}")
    site.commit(made, {"config.json": b'{\n "a": 1\n}\n', "docs/guide.md": b"# Guide\n"})
    return made


def opened(client: httpx2.Client, page: str) -> dict[str, str]:
    """Return the fields of a form as a browser has them after opening a page."""
    text = client.get(page).text
    fields = {"csrf": form_token(client, page), "parent": field_of(text, "parent"), **COMMIT}
    if "/delete/" not in page:
        fields |= {"path": field_of(text, "path"), "text": field_of(text, "text").removeprefix("\n")}
    return fields


def raw(site: ServedHub, ref: RepoRef, path: str, revision: str = "main") -> bytes | None:
    with site.client(site.alice) as client:
        answer = client.get(f"/{ref.path}/raw/{revision.replace('/', '%2F')}/{path}")
        return answer.content if answer.status_code == 200 else None


def test_a_file_is_edited(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    assert f'href="/{ref.path}/edit/main/config.json"' in signed_in.get(f"/{ref.path}/blob/main/config.json").text
    page = f"/{ref.path}/edit/main/config.json"
    fields = opened(signed_in, page)
    assert fields["text"] == '{\n "a": 1\n}\n'
    answer = signed_in.post(page, data={**fields, "text": '{\r\n "a": "ü&lt;"\r\n}\r\n'})
    assert answer.status_code == 200
    assert answer.url.path == f"/{ref.path}/blob/main/config.json"
    assert "Committed." in answer.text
    assert raw(site, ref, "config.json") == '{\n "a": "ü&lt;"\n}\n'.encode()
    assert "Update config.json" in signed_in.get(f"/{ref.path}/commits/main").text


@pytest.mark.parametrize(
    "data",
    [b"\n\nfirst lines are empty", b"one\r\ntwo\r\n", b"</textarea><b>", "\ufeffé\u2028".encode(), b"", b"\t \n \n"],
)
def test_fields_unchanged_in_a_form_are_unchanged_in_the_file(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, data: bytes
) -> None:
    site.commit(ref, {"a.txt": data})
    page = f"/{ref.path}/edit/main/a.txt"
    fields = opened(signed_in, page)
    sent = fields["text"].replace("\n", "\r\n")
    same = signed_in.post(page, data={**fields, "text": sent})
    assert same.status_code == 409
    assert "Nothing has changed" in same.text
    end = b"\r\n" if b"\r\n" in data else b"\n"
    assert signed_in.post(page, data={**fields, "text": f"{sent}\r\nmore", "how": "commit"}).status_code == 200
    assert raw(site, ref, "a.txt") == data + end + b"more"


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.bin", b"\0\1", "not text"),
        ("latin.txt", b"\xe9", "not UTF-8"),
        ("mixed.txt", b"a\r\nb\n", "end in different ways"),
        ("mac.txt", b"a\rb", "end in different ways"),
        ("long.txt", b"a" * ((1 << 20) + 1), "a large file"),
    ],
)
def test_a_file_that_a_form_would_damage_is_not_edited(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, name: str, data: bytes, why: str
) -> None:
    site.commit(ref, {name: data})
    answer = signed_in.get(f"/{ref.path}/edit/main/{name}")
    assert answer.status_code == 409
    assert why in answer.text


def test_a_large_file_is_not_edited_but_deleted(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    site.commit_large(ref, "model.safetensors", b"x" * 100)
    assert signed_in.get(f"/{ref.path}/edit/main/model.safetensors").status_code == 409
    page = f"/{ref.path}/delete/main/model.safetensors"
    assert signed_in.post(page, data=opened(signed_in, page)).status_code == 200
    assert raw(site, ref, "model.safetensors") is None


def test_commits_of_others_to_the_same_file_are_not_overwritten(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client
) -> None:
    page = f"/{ref.path}/edit/main/config.json"
    fields = {**opened(signed_in, page), "text": "<mine>", "summary": "My <change>"}
    head = site.commit(ref, {"config.json": b"theirs"})
    answer = signed_in.post(page, data=fields)
    assert answer.status_code == 412
    assert "Others have changed this file since you opened it." in answer.text
    assert field_of(answer.text, "text").strip() == "<mine>"
    assert field_of(answer.text, "summary") == "My <change>"
    assert field_of(answer.text, "parent") == fields["parent"]
    assert f'href="/{ref.path}/blob/{head}/config.json"' in answer.text
    assert raw(site, ref, "config.json") == b"theirs"
    # Sending the same form again is refused again; only the button that says so replaces the newer version.
    assert signed_in.post(page, data=fields).status_code == 412
    assert f'name="parent" value="{head}">Replace the newer version' in answer.text
    assert signed_in.post(page, data={**fields, "parent": [fields["parent"], head]}).status_code == 200
    assert raw(site, ref, "config.json") == b"<mine>"


def test_commits_of_others_to_other_files_are_kept(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/edit/main/config.json"
    fields = {**opened(signed_in, page), "text": "mine"}
    site.commit(ref, {"other.txt": b"theirs"})
    assert signed_in.post(page, data=fields).status_code == 200
    assert (raw(site, ref, "config.json"), raw(site, ref, "other.txt")) == (b"mine", b"theirs")


def test_a_conflict_can_become_a_pull_request(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/edit/main/config.json"
    fields = {**opened(signed_in, page), "text": "mine", "how": "pull"}
    site.commit(ref, {"config.json": b"theirs"})
    answer = signed_in.post(page, data=fields)
    assert answer.url.path == f"/{ref.path}/discussions/1"
    assert "1 file changed on both sides" in answer.text


def test_a_stranger_proposes_and_then_edits_the_proposal(site: ServedHub, ref: RepoRef) -> None:
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as bob:
        bob.post("/login", data={"name": "bob", "password": PASSWORD})
        page = f"/{ref.path}/edit/main/config.json"
        text = bob.get(page).text
        assert 'value="commit"' not in text
        fields = {**opened(bob, page), "text": "proposed", "summary": "A proposal"}
        assert bob.post(page, data=fields).status_code == 403
        answer = bob.post(page, data={**fields, "how": "pull"})
        assert answer.url.path == f"/{ref.path}/discussions/1"
        assert "A proposal" in answer.text
        assert raw(site, ref, "config.json") != b"proposed"
        assert f'href="/{ref.path}/tree/refs%2Fpr%2F1"' in answer.text
        blob = bob.get(f"/{ref.path}/blob/refs%2Fpr%2F1/config.json").text
        page = f"/{ref.path}/edit/refs%2Fpr%2F1/config.json"
        assert f'href="{page}"' in blob
        assert 'value="pull"' not in bob.get(page).text
        answer = bob.post(page, data={**opened(bob, page), "text": "better"})
        assert answer.url.path == f"/{ref.path}/discussions/1"
        assert raw(site, ref, "config.json", "refs/pr/1") == b"better"


@pytest.mark.parametrize(
    ("address", "path", "text"),
    [("main?file=README.md", "README.md", "# "), ("main/docs?file=README.md", "docs/README.md", ""), ("main", "", "")],
)
def test_a_new_file_begins_with_the_name_that_a_link_suggests(
    ref: RepoRef, signed_in: httpx2.Client, address: str, path: str, text: str
) -> None:
    fields = opened(signed_in, f"/{ref.path}/new/{address}")
    assert fields["path"] == path
    assert (text in fields["text"]) if text else not fields["text"]


def test_a_file_is_created_in_a_folder(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/new/main/docs"
    assert f'href="{page}"' in signed_in.get(f"/{ref.path}/tree/main/docs").text
    fields = opened(signed_in, page)
    assert fields["path"] == "docs/"
    assert signed_in.post(page, data=fields).status_code in (400, 422)
    answer = signed_in.post(page, data={**fields, "path": "docs/a b/é.txt", "text": "new"})
    assert answer.status_code == 200
    assert answer.url.path == f"/{ref.path}/blob/main/docs/a b/é.txt"
    assert raw(site, ref, "docs/a%20b/%C3%A9.txt") == b"new"


@pytest.mark.parametrize("path", ["config.json", "docs", "../x", "/x/../y", "", ".git/config", "a//b"])
def test_a_path_that_is_taken_or_impossible_is_refused_with_the_text(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, path: str
) -> None:
    page = f"/{ref.path}/new/main"
    answer = signed_in.post(page, data={**opened(signed_in, page), "path": path, "text": "my words"})
    assert answer.status_code in (400, 409, 422)
    assert field_of(answer.text, "text").strip() == "my words"
    assert 'role="alert"' in answer.text
    assert raw(site, ref, "config.json") == b'{\n "a": 1\n}\n'


def test_a_file_that_others_created_meanwhile_is_not_overwritten(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client
) -> None:
    page = f"/{ref.path}/new/main"
    fields = {**opened(signed_in, page), "path": "new.txt", "text": "mine"}
    site.commit(ref, {"new.txt": b"theirs"})
    assert signed_in.post(page, data=fields).status_code == 412
    assert raw(site, ref, "new.txt") == b"theirs"


def test_a_file_is_moved_by_another_path(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/edit/main/config.json"
    fields = opened(signed_in, page)
    assert signed_in.post(page, data={**fields, "path": "docs/guide.md"}).status_code == 409
    answer = signed_in.post(page, data={**fields, "path": "conf/config.json"})
    assert answer.url.path == f"/{ref.path}/blob/main/conf/config.json"
    assert raw(site, ref, "config.json") is None
    assert raw(site, ref, "conf/config.json") == b'{\n "a": 1\n}\n'


def test_a_file_is_deleted(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/delete/main/docs/guide.md"
    fields = opened(signed_in, page)
    changed = site.commit(ref, {"docs/guide.md": b"changed"})
    answer = signed_in.post(page, data=fields)
    assert answer.status_code == 412
    assert raw(site, ref, "docs/guide.md") == b"changed"
    assert signed_in.post(page, data={**fields, "parent": changed}).url.path == f"/{ref.path}/tree/main"
    assert raw(site, ref, "docs/guide.md") is None
    assert signed_in.get(page).status_code == 404


def test_a_preview_shows_markdown_and_commits_nothing(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    page = f"/{ref.path}/edit/main/docs/guide.md"
    text = "---\nlicense: mit\n---\n# *Better* <script>alert(1)</script> ![x](y.png)"
    answer = signed_in.post(page, data={**opened(signed_in, page), "text": text, "preview": "yes"})
    assert answer.status_code == 200
    assert re.search(r"<h2[^>]*><em>Better</em>", answer.text)
    assert "<script>" not in answer.text
    assert field_of(answer.text, "text").removeprefix("\n") == text
    assert raw(site, ref, "docs/guide.md") == b"# Guide\n"
    assert 'name="preview"' not in signed_in.get(f"/{ref.path}/edit/main/config.json").text


@pytest.mark.parametrize("fields", [{"parent": "x"}, {"parent": ""}, {"how": "other"}, {"how": ""}])
def test_a_form_that_no_page_sent_changes_nothing(
    site: ServedHub, ref: RepoRef, signed_in: httpx2.Client, fields: dict[str, str]
) -> None:
    page = f"/{ref.path}/edit/main/config.json"
    assert signed_in.post(page, data={**opened(signed_in, page), "text": "mine", **fields}).status_code == 400
    assert raw(site, ref, "config.json") == b'{\n "a": 1\n}\n'


def test_only_branches_are_edited(site: ServedHub, ref: RepoRef, signed_in: httpx2.Client) -> None:
    head = site.commit(ref, {"x.txt": b"x"})
    assert signed_in.get(f"/{ref.path}/edit/{head}/x.txt").status_code == 404
    assert "/edit/" not in signed_in.get(f"/{ref.path}/blob/{head}/x.txt").text


def test_nothing_is_offered_to_who_may_change_nothing(
    site: ServedHub, ref: RepoRef, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    for path in ("tree/main", "blob/main/config.json"):
        text = browser.get(f"/{ref.path}/{path}").text
        assert "/edit/" not in text
        assert "/new/" not in text
        assert "/delete/" not in text
    assert browser.get(f"/{ref.path}/edit/main/config.json").status_code == 401
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(options={"discussionsDisabled": True}))
    text = signed_in.get(f"/{ref.path}/edit/main/config.json").text
    assert 'value="commit"' in text
    assert 'value="pull"' not in text
