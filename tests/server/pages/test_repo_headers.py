from __future__ import annotations

from collections.abc import Callable

from entrepot.hub.community import discussions
from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RefName, RepoRef, RepoType, parse_repo_id
from entrepot.server.pages.repo_headers import choices, describe_header, describe_repo
from tests.support.served_hub import ServedHub


def test_refs_are_offered_by_their_short_names() -> None:
    found = choices([RefName(name) for name in ("refs/heads/dev", "refs/heads/main", "refs/tags/v1", "refs/pr/1")])
    assert [(choice.name, choice.icon, choice.segment) for choice in found] == [
        ("dev", "branch", "dev"),
        ("main", "branch", "main"),
        ("v1", "tag", "v1"),
        ("refs/pr/1", "pull", "refs%2Fpr%2F1"),
    ]


def test_a_header_names_the_repository_and_the_revision_as_asked(site: ServedHub) -> None:
    ref = RepoRef(RepoType.MODEL, parse_repo_id("alice/tern"))
    branches.create_branch(site.hub, site.caller(), ref, "a/b", start=None, is_empty=False, overwrites=False)
    header, found = describe_header(site.hub, None, RepoRef(RepoType.MODEL, parse_repo_id("ALICE/Tern")), "a/b")
    assert (header.id, header.path, header.revision, header.segment) == ("alice/tern", "alice/tern", "a/b", "a%2Fb")
    assert found.info.head is not None
    assert "a/b" in [choice.name for choice in header.refs]


def test_the_tab_of_discussions_says_how_many_are_open(site: ServedHub, show: Callable[[str], str]) -> None:
    ref = site.repo("talkative")
    tab = '<span class="n">{}<span class="vh"> open</span></span>'
    assert tab.format(1) not in show("/alice/talkative")
    for title in ("First", "Second"):
        discussions.create(site.hub, site.caller(), ref, title, "text")
    assert tab.format(2) in show("/alice/talkative")
    discussions.set_status(site.hub, site.caller(), ref, 1, "closed", "")
    assert tab.format(1) in show("/alice/talkative/discussions?status=closed")


def test_a_repository_without_discussions_counts_none(site: ServedHub) -> None:
    ref = site.repo("silent")
    discussions.create(site.hub, site.caller(), ref, "Title", "text")
    assert describe_repo(site.hub, None, ref)[0].discussions == "1"
    changes = RepoChanges(options={"discussionsDisabled": True})
    repositories.configure(site.hub, site.caller(), ref, changes)
    assert describe_repo(site.hub, None, ref)[0].discussions == ""
