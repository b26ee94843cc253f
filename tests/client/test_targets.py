from entrepot.client.targets import Message, Published, Target
from entrepot.names import RepoRef, RepoType, parse_repo_id


def test_what_is_not_said_is_the_usual() -> None:
    repo = RepoRef(RepoType.MODEL, parse_repo_id("a/b"))
    assert Target(repo) == Target(repo, "main", opens_pull=False, parent=None)
    assert Message("x") == Message("x", "")
    assert Published("a" * 40, "url") == Published("a" * 40, "url", None, is_new=True, warnings=())
