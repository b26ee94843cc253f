from __future__ import annotations

from entrepot.hub.repos import branches
from entrepot.hub.repos.branches import RefHead
from entrepot.names import Oid, RefName, RepoRef, RepoType, parse_repo_id
from entrepot.server.pages.repo_headers import choices, describe_header
from tests.support.served_hub import ServedHub

COMMIT = Oid("a" * 40)


def test_branches_come_before_tags_and_pull_requests() -> None:
    refs = ["refs/convert/x", "refs/heads/dev", "refs/heads/main", "refs/pr/1", "refs/tags/v1"]
    found = choices([RefHead(RefName(name), COMMIT) for name in refs])
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
