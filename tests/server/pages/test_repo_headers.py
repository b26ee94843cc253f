from __future__ import annotations

from entrepot.hub.repos import branches
from entrepot.names import RefName, RepoRef, RepoType, parse_repo_id
from entrepot.server.pages.repo_headers import choices, describe_header
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
