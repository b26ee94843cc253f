from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.names import RepoRef, RepoType, parse_repo_id


def test_optional_fields_have_defaults() -> None:
    repo = RepoRef(RepoType.MODEL, parse_repo_id("a/b"))
    assert CommitTarget(repo) == CommitTarget(repo, "main", opens_pull=False, parent=None)
    assert CommitMessage("x") == CommitMessage("x", "")
    assert PublishedCommit("a" * 40, "url") == PublishedCommit("a" * 40, "url", None, is_new=True, warnings=())
