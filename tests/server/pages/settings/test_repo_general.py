from __future__ import annotations

import httpx2

from entrepot.hub.accounts import accounts
from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>"


def test_visibility_description_and_discussions_are_changed(
    site: ServedHub, send: Send, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    site.repo("general")
    assert "Saved." in send("/alice/general/settings/visibility", {"visibility": "private"}).text
    assert browser.get("/alice/general").status_code == 401
    send("/alice/general/settings/visibility", {"visibility": "public"})
    assert browser.get("/alice/general").status_code == 200
    done = send(
        "/alice/general/settings/description", {"description": f"About {EVIL}", "labels": "one\r\n\r\n two \r\n"}
    )
    assert EVIL not in done.text
    page = signed_in.get("/alice/general/settings").text
    assert "About &lt;script&gt;" in page
    assert "one\ntwo</textarea>" in page
    send("/alice/general/settings/discussions", {})
    assert browser.get("/alice/general/discussions").status_code == 403
    send("/alice/general/settings/discussions", {"discussions": "yes"})
    assert browser.get("/alice/general/discussions").status_code == 200


def test_a_mistake_is_told_and_what_was_typed_stays(site: ServedHub, send: Send) -> None:
    site.repo("mistaken")
    long = "x" * 101
    for path, fields, status in (
        ("visibility", {"visibility": "secret"}, 400),
        ("visibility", {"visibility": "folder"}, 409),
        ("description", {"labels": long, "description": "kept"}, 413),
        ("move", {"namespace": "alice", "name": "a b"}, 400),
        ("move", {"namespace": "bob", "name": "mistaken"}, 403),
        ("move", {"namespace": "alice", "name": "tern"}, 409),
    ):
        answer = send(f"/alice/mistaken/settings/{path}", fields)
        assert answer.status_code == status, (path, fields, answer.status_code)
        assert 'role="alert"' in answer.text
        for value in fields.values():
            assert value in answer.text


def test_a_repository_is_archived_and_unarchived(
    site: ServedHub, send: Send, signed_in: httpx2.Client, browser: httpx2.Client
) -> None:
    site.repo("shelved")
    assert "Saved." in send("/alice/shelved/settings/archive", {"archived": "yes"}).text
    page = browser.get("/alice/shelved").text
    assert "Archived</span>" in page
    assert "can be read, downloaded and copied; nothing in it can be changed." in page
    assert "Archived</span>" in browser.get("/models?archived=true").text
    assert "Archived</span>" in browser.get("/search?q=shelved").text
    draft = CollectionDraft("Old ones", item=("model", "alice/shelved"))
    slug = collections.create(site.hub, site.caller(), draft).slug
    assert "Archived</span>" in browser.get(f"/collections/{slug}").text
    settings = signed_in.get("/alice/shelved/settings").text
    assert 'value="no">Unarchive</button>' in settings
    assert "settings/visibility" not in settings
    for path in ("settings/visibility", "settings/delete", "discussions/new", "commit/main"):
        refused = send(
            f"/alice/shelved/{path}", {"visibility": "private", "confirm": "alice/shelved", "title": "A title"}
        )
        assert refused.status_code == 403, path
        assert "alice/shelved is archived" in refused.text
    for path in ("upload/main", "edit/main/README.md"):
        assert signed_in.get(f"/alice/shelved/{path}").status_code == 403
    files = signed_in.get("/alice/shelved/tree/main").text
    assert "/upload/main" not in files
    assert "Saved." in send("/alice/shelved/settings/archive", {"archived": "no"}).text
    assert "/upload/main" in signed_in.get("/alice/shelved/tree/main").text


def test_a_repository_in_a_folder_may_follow_it(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    new = NewRepo(RepoType.MODEL, "in-folder", "alice.box", "public")
    repositories.create(site.hub, site.caller(), new)
    assert "As its folder alice.box" in signed_in.get("/alice.box/in-folder/settings").text
    assert "Saved." in send("/alice.box/in-folder/settings/visibility", {"visibility": "folder"}).text
    assert 'value="folder" checked' in signed_in.get("/alice.box/in-folder/settings").text


def test_a_repository_is_moved_and_its_former_address_leads_there(
    site: ServedHub, send: Send, browser: httpx2.Client
) -> None:
    accounts.create_org(site.hub, "movers", admin="alice")
    site.repo("leaving", "dataset")
    done = send("/datasets/alice/leaving/settings/move", {"namespace": "movers", "name": "arrived"})
    assert done.url.path == "/datasets/movers/arrived/settings"
    assert "Moved." in done.text
    assert browser.get("/datasets/alice/leaving").url.path == "/datasets/movers/arrived"


def test_a_repository_is_deleted_only_with_its_name(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    site.repo("doomed")
    assert "Type <code>alice/doomed</code>" in signed_in.get("/alice/doomed/settings/delete").text
    for typed in ("", "doomed", "alice/Doomed", "alice/tern"):
        refused = send("/alice/doomed/settings/delete", {"confirm": typed})
        assert refused.status_code == 400
    done = send("/alice/doomed/settings/delete", {"confirm": "alice/doomed"})
    assert done.url.path == "/alice"
    assert "Deleted." in done.text
    assert signed_in.get("/alice/doomed").status_code == 404
