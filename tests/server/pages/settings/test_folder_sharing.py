from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.community import notification_lists
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.names import RepoType
from entrepot.server.hf.community.notification_json import sentence
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>"


def folder(site: ServedHub, name: str) -> str:
    """Create a folder of alice and return the address of its page."""
    folders.create(site.hub, site.caller(), FolderDraft(RepoType.MODEL, name, "alice"))
    return f"/-/folders/model/alice/{name}"


def test_a_folder_is_shared_and_taken_back(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    page = folder(site, "shared")
    accounts.create_org(site.hub, "sharers", admin="bob")
    assert "No one else." in signed_in.get(page).text
    for kind, name, role in (("user", " bob ", "edit"), ("org", "sharers", "view"), ("public", "", "view")):
        done = send(f"{page}/grant", {"kind": kind, "name": name, "role": role})
        assert "Saved." in done.text
    found = grants.list_grants(site.hub, site.caller(), FolderId(RepoType.MODEL, "alice", "shared")).items
    assert {(item.kind, item.subject, item.role) for item in found} == {
        ("public", None, "view"), ("user", "bob", "edit"), ("org", "sharers", "view"),
    }  # fmt: skip
    news = [sentence(item) for item in notification_lists.list_page(site.hub, site.hub.identify(site.bob)).items]
    assert "alice shared the folder alice.shared with you: you may see and change its models" in news
    text = signed_in.get(page).text
    assert ">Public<" in text
    assert "also changes" in text
    for kind, name in (("user", "bob"), ("org", "sharers"), ("public", "")):
        assert "Saved." in send(f"{page}/revoke", {"kind": kind, "name": name}).text
    assert "No one else." in signed_in.get(page).text


def test_a_mistake_shares_nothing_and_keeps_what_was_typed(site: ServedHub, send: Send) -> None:
    page = folder(site, "mistakes")
    for fields, status in (
        ({"kind": "user", "name": "nobody-here", "role": "view"}, 404),
        ({"kind": "user", "name": "alice", "role": "view"}, 409),
        ({"kind": "user", "name": "bob", "role": "own"}, 400),
        ({"kind": "team", "name": "bob", "role": "view"}, 400),
    ):
        answer = send(f"{page}/grant", fields)
        assert answer.status_code == status, fields
        assert f'value="{fields["name"]}"' in answer.text
        assert "No one else." in answer.text
    assert send(f"{page}/revoke", {"kind": "user", "name": "bob"}).status_code == 404


def test_the_description_is_changed(site: ServedHub, send: Send) -> None:
    page = folder(site, "described")
    assert EVIL not in send(f"{page}/description", {"description": EVIL, "labels": "a\r\nb"}).text
    row = folders.show(site.hub, site.caller(), FolderId(RepoType.MODEL, "alice", "described")).row
    assert (row.description, list(row.labels)) == (EVIL, ["a", "b"])


def test_a_folder_is_renamed(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    page = folder(site, "before")
    folder(site, "in-the-way")
    assert send(f"{page}/rename", {"to": "in-the-way"}).status_code == 409
    assert send(f"{page}/rename", {"to": "no good"}).status_code == 400
    done = send(f"{page}/rename", {"to": "after"})
    assert "Moved." in done.text
    assert done.url.path == "/-/folders/model/alice/after"
    assert signed_in.get("/alice.after").status_code == 200


def test_a_folder_is_deleted_when_its_name_is_typed(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    page = folder(site, "doomed")
    refused = send(f"{page}/delete", {"confirm": "doomed"})
    assert refused.status_code == 400
    assert "Type alice.doomed to delete it." in refused.text
    done = send(f"{page}/delete", {"confirm": " alice.doomed "})
    assert done.url.path == "/alice"
    assert signed_in.get("/alice.doomed").status_code == 404


def test_who_may_only_edit_changes_neither_name_nor_existence(site: ServedHub) -> None:
    page = folder(site, "lent")
    wanted = FolderId(RepoType.MODEL, "alice", "lent")
    grants.grant(site.hub, site.caller(), wanted, Subject(user="bob"), "edit")
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as client:
        client.post("/login", data={"name": "bob", "password": PASSWORD})
        send = sender(client)
        for form, fields in (("rename", {"to": "mine"}), ("delete", {"confirm": "alice.lent"})):
            assert send(f"{page}/{form}", fields).status_code == 403
    assert folders.show(site.hub, site.caller(), wanted).row.name == "lent"


def test_the_page_of_its_owner_lists_what_a_visitor_sees(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client
) -> None:
    hidden, seen = folder(site, "unseen"), folder(site, "seen")
    wanted = FolderId(RepoType.MODEL, "alice", "seen")
    grants.grant(site.hub, site.caller(), wanted, Subject(is_public=True), "view")
    own, public = signed_in.get("/alice").text, browser.get("/alice").text
    assert f'href="{hidden}"' in own
    assert f'href="{seen}"' in own
    assert 'href="/alice.seen"' in public
    assert "unseen" not in public
    assert "Share<" not in public


@pytest.mark.parametrize("form", ["grant", "revoke", "description"])
def test_those_who_do_not_own_it_cannot_tell_it_from_a_missing_one(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client, form: str
) -> None:
    page = folder(site, f"closed-{form}")
    assert browser.get(page).status_code == 401
    assert signed_in.post(f"{page}/{form}", data={"csrf": "x"}).status_code == 403
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as other:
        other.post("/login", data={"name": "bob", "password": PASSWORD})
        missing = page.replace("closed", "absent")
        for answer in (other.get(page), other.get(missing), sender(other)(f"{page}/{form}", {"kind": "public"})):
            assert answer.status_code == 404
        wanted = FolderId(RepoType.MODEL, "alice", f"closed-{form}")
        grants.grant(site.hub, site.caller(), wanted, Subject(user="bob"), "edit")
        assert other.get(page).status_code == 403
    assert signed_in.get(page.replace("/model/", "/space/")).status_code == 404
