from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.hub.accounts import accounts, follows
from entrepot.hub.buckets import buckets
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from tests.server.pages.conftest import send_form
from tests.support.served_hub import ServedHub


def test_an_account_shows_its_visible_repositories(show: Callable[[str], str], signed_in: httpx2.Client) -> None:
    text = show("/alice")
    assert 'href="/alice/tern"' in text
    assert 'href="/datasets/alice/tides"' in text
    assert "/alice/hidden" not in text
    assert 'href="/alice/hidden"' in signed_in.get("/alice").text
    assert "has no repositories that you can see" in show("/bob")


def test_an_organisation_shows_its_members(site: ServedHub, show: Callable[[str], str]) -> None:
    accounts.create_org(site.hub, "acme", admin="alice", fullname="<b>Acme</b>")
    text = show("/acme")
    assert "&lt;b&gt;Acme&lt;/b&gt;" in text
    assert "<dt>Members</dt><dd>1</dd>" in text
    assert '<a class="chip" href="/alice">alice</a>' in text
    assert 'href="/acme">acme</a>' in show("/alice")


def test_an_organisation_without_repositories_leads_its_members_to_a_first_one(
    site: ServedHub, show: Callable[[str], str], signed_in: httpx2.Client
) -> None:
    accounts.create_org(site.hub, "empty-org", admin="alice")
    assert "empty-org has no repositories that you can see." in show("/empty-org")
    text = signed_in.get("/empty-org").text
    assert 'href="/new?owner=empty-org">New model</a>' in text
    assert 'name="owner" value="empty-org"' in signed_in.get("/new?owner=empty-org").text


def test_an_account_lists_the_buckets_that_the_visitor_may_see(
    site: ServedHub, show: Callable[[str], str], signed_in: httpx2.Client
) -> None:
    for name, visibility in (("logs", "public"), ("drafts", "private")):
        buckets.create(site.hub, site.caller(), None, name, visibility)
    text = show("/alice")
    assert 'href="/buckets/alice/logs"' in text
    assert "drafts" not in text
    assert 'href="/buckets/alice/drafts"' in signed_in.get("/alice").text
    assert "<h2>Buckets</h2>" not in show("/bob")


def test_members_reach_the_settings_of_their_accounts(
    site: ServedHub, show: Callable[[str], str], signed_in: httpx2.Client
) -> None:
    accounts.create_org(site.hub, "crew", admin="alice")
    accounts.create_org(site.hub, "others", admin="bob")
    assert 'href="/organizations/crew/settings">Settings</a>' in signed_in.get("/crew").text
    assert "/organizations/crew/settings" not in show("/crew")
    assert "/organizations/others/settings" not in signed_in.get("/others").text
    assert 'href="/settings/profile">Settings</a>' in signed_in.get("/alice").text
    assert ">Settings</a>" not in signed_in.get("/bob").text


def test_the_page_of_a_folder_has_no_settings_of_an_organisation(site: ServedHub, signed_in: httpx2.Client) -> None:
    accounts.create_org(site.hub, "gulls", admin="alice")
    folders.create(site.hub, site.caller(), FolderDraft(RepoType.MODEL, "llm", "gulls"))
    assert 'href="/organizations/gulls/settings"' in signed_in.get("/gulls").text
    assert "/settings" not in signed_in.get("/gulls.llm").text.replace('href="/settings/profile"', "")


def test_a_folder_is_shown_as_one_with_its_owner_and_its_repositories(
    site: ServedHub, show: Callable[[str], str], signed_in: httpx2.Client
) -> None:
    for kind in (RepoType.MODEL, RepoType.DATASET):
        folders.create(site.hub, site.caller(), FolderDraft(kind, "nests", "alice", description=f"<b>{kind.value}"))
    grants.grant(site.hub, site.caller(), FolderId(RepoType.MODEL, "alice", "nests"), Subject(is_public=True), "view")
    repositories.create(site.hub, site.caller(), NewRepo(RepoType.MODEL, "owl", "alice.nests"))
    text = signed_in.get("/alice.nests").text
    assert "<dt>Kind</dt><dd>folder</dd>" in text
    assert '<dt>Owner</dt><dd><a href="/alice">alice</a></dd>' in text
    assert "<dt>Members</dt>" not in text
    assert "&lt;b&gt;dataset" in text
    assert 'href="/alice.nests/owl"' in text
    assert 'href="/-/folders/model/alice/nests">Share models' in text
    assert 'href="/-/folders/dataset/alice/nests">Share datasets' in text
    seen = show("/alice.nests")
    assert 'href="/alice.nests/owl"' in seen
    assert "/-/folders/" not in seen
    assert "dataset" not in seen.partition("<main")[2].partition("</main>")[0]


def test_a_folder_that_the_visitor_may_not_see_looks_like_none(site: ServedHub, browser: httpx2.Client) -> None:
    folders.create(site.hub, site.caller(), FolderDraft(RepoType.MODEL, "eyrie", "alice"))
    hidden, absent = browser.get("/alice.eyrie"), browser.get("/alice.never")
    assert hidden.status_code == absent.status_code == 404
    texts = [re.sub(r"<code>[0-9a-f]{16}</code>", "", answer.text) for answer in (hidden, absent)]
    assert texts[0].replace("eyrie", "never") == texts[1]


def test_an_account_is_followed_and_not_any_more(site: ServedHub, signed_in: httpx2.Client) -> None:
    accounts.create_user(site.hub, "followed")
    assert 'name="followed"' not in signed_in.get("/alice").text, "nobody follows themselves"
    answer = send_form(signed_in, "/followed", {"followed": "yes"}, "/-/follow/Followed")
    assert answer.url.path == "/followed"
    assert "Unfollow" in answer.text
    assert [found.name for found in follows.followers(site.hub, None, "followed", is_user=True).items] == ["alice"]
    assert "Unfollow" not in send_form(signed_in, "/followed", {"followed": "no"}, "/-/follow/followed").text
    assert send_form(signed_in, "/followed", {"followed": "x"}, "/-/follow/followed").status_code == 400
    assert send_form(signed_in, "/alice", {"followed": "yes"}, "/-/follow/alice").status_code == 409
    assert send_form(signed_in, "/alice", {"followed": "yes"}, "/-/follow/nobody-here").status_code == 404
