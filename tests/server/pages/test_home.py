from __future__ import annotations

import pathlib
import re

import httpx2

from entrepot.hub.accounts import accounts, invitations, sign_ins
from entrepot.hub.callers import Role
from entrepot.hub.context import open_hub
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.server.pages.home import build_home
from entrepot.settings import Settings
from tests.server.pages.conftest import PASSWORD, browse
from tests.support.served_hub import ServedHub


def test_the_first_page_shows_public_repositories_and_how_to_get_one(browser: httpx2.Client) -> None:
    text = browser.get("/").text
    assert 'href="/alice/tern"' in text
    assert 'href="/datasets/alice/tides"' in text
    assert "hf download alice/" in text
    assert "/alice/hidden" not in text


def test_a_visitor_sees_their_own_repositories(signed_in: httpx2.Client) -> None:
    text = signed_in.get("/").text
    assert "Your repositories" in text
    assert "Your storage" in text
    assert "on your own server</h1>" not in text
    assert 'href="/alice/hidden"' in text


def test_a_member_sees_the_repositories_of_their_organisations(site: ServedHub, browser: httpx2.Client) -> None:
    hub = site.hub
    member = accounts.create_user(hub, "member-of-guild", password=PASSWORD)
    accounts.create_org(hub, "guild-of-home", admin="alice")
    with browse(site) as client:
        client.post("/login", data={"name": member.name, "password": PASSWORD})
        assert "You have no repository yet" in client.get("/").text
        accounts.set_member(hub, "guild-of-home", member.name, Role.READ)
        assert "Neither you nor your organisations have a repository yet" in client.get("/").text
        repositories.create(
            hub, site.caller(), NewRepo(RepoType.MODEL, "shared", namespace="guild-of-home", visibility="private")
        )
        text = client.get("/").text
        assert 'href="/guild-of-home/shared"' in text
        assert "a repository yet" not in text
        assert "/alice/hidden" not in text
    assert "/guild-of-home/shared" not in browser.get("/").text


def test_a_visitor_sees_what_others_offer_and_share(site: ServedHub) -> None:
    guest = accounts.create_user(site.hub, "guest-of-home", password=PASSWORD)
    accounts.create_org(site.hub, "hosts-of-home", admin="alice")
    folders.create(site.hub, site.caller(), FolderDraft(RepoType.DATASET, "given", "alice"))
    folder = FolderId(RepoType.DATASET, "alice", "given")
    with browse(site) as client:
        client.post("/login", data={"name": guest.name, "password": PASSWORD})
        before = client.get("/").text
        invitations.invite(site.hub, site.caller(), "hosts-of-home", guest.name, "write")
        grants.grant(site.hub, site.caller(), folder, Subject(guest.name), "view")
        text = client.get("/").text
    assert not {"invites you", "Shared with you"} & set(re.findall("invites you|Shared with you", before))
    assert "<b>hosts-of-home invites you</b>, with the role write." in text
    assert 'href="/alice.given">alice.given</a><span class="soft tiny">datasets, to view</span>' in text


def test_a_new_hub_says_how_to_make_the_first_account(tmp_path: pathlib.Path, site: ServedHub) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    try:
        assert build_home(hub, None).values["is_new"] is True
    finally:
        hub.close()
    assert build_home(site.hub, None).values["is_new"] is False


def test_a_user_who_signs_in_with_links_only_is_told_to_choose_a_password(
    site: ServedHub, signed_in: httpx2.Client
) -> None:
    told = "You have no password yet."
    accounts.create_user(site.hub, "linked")
    with browse(site) as client:
        code = sign_ins.issue_code(site.hub, "tests", "linked", 3600).code
        home = client.post("/login", data={"code": code}).text
        assert told in home
        assert 'href="/settings/password"' in home
        accounts.reset_password(site.hub, "linked", "a sentence that works well")
    with browse(site) as client:
        home = client.post("/login", data={"name": "linked", "password": "a sentence that works well"}).text
        assert "Your repositories" in home
        assert told not in home
    assert told not in signed_in.get("/").text
