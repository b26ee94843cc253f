import pytest

from entrepot.errors import InvalidName
from entrepot.names import parse_repo_id
from entrepot.workspace.entities.version_tags import parse_name
from entrepot.workspace.hubs.repo_names import entity_name, repo_name


@pytest.mark.parametrize(
    ("name", "repo"),
    [
        ("imagenet8", "imagenet8"),
        ("c++", "c_2b_2b"),
        ("a+b", "a_2bb"),
        ("a--b---c", "a-_2db-_2d_2dc"),
        ("a-", "a_2d"),
        ("x.git", "x_2egit"),
        ("X.Git", "X_2eGit"),
        ("raw", "_72aw"),
        ("Branch", "_42ranch"),
    ],
)
def test_names_that_no_repository_can_have_are_escaped_and_come_back(name: str, repo: str) -> None:
    assert parse_name(name) == name
    assert repo_name(name) == repo
    assert str(parse_repo_id(f"alice/{repo}").name) == repo
    assert entity_name(repo) == name


@pytest.mark.parametrize("repo", ["a_b", "a_61", "_2x", "a_2B"])
def test_repositories_that_no_entity_has_without_saying_so(repo: str) -> None:
    assert entity_name(repo) is None or repo_name(str(entity_name(repo))) == repo


def test_no_two_names_have_one_repository() -> None:
    words = [a + b + c for a in ("a", "+", "raw") for b in ("", "-", "--", "+", ".") for c in ("a", "-", "+", ".git")]
    names = {word for word in words if not word.endswith(".") and not word.startswith("-")}
    assert len({repo_name(name) for name in names}) == len(names)


def test_a_name_that_is_too_long_when_escaped_is_refused() -> None:
    with pytest.raises(InvalidName):
        parse_repo_id(f"alice/{repo_name('+' * 40)}")
