"""Names of folders, and the namespaces that they make."""

from __future__ import annotations

import pytest

from entrepot.errors import InvalidName
from entrepot.names import folder_namespace, parse_folder_name, parse_repo_id, split_namespace


@pytest.mark.parametrize("name", ["a", "A9", "llm", "a_b-c", "0", "x" * 90])
def test_a_name_makes_the_namespace_of_a_repository_id(name: str) -> None:
    namespace = folder_namespace("alice", parse_folder_name("alice", name))
    assert parse_repo_id(f"{namespace}/x").namespace == namespace
    assert split_namespace(namespace) == ("alice", name)


@pytest.mark.parametrize("name", ["", "~", ".", "..", "a.b", "a/b", "-a", "a-", "_", "a--b", "ａ", "a\n", "x" * 91])
def test_a_name_that_breaks_a_rule_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="folder name"):
        parse_folder_name("alice", name)


def test_the_ending_of_a_git_address_is_no_name() -> None:
    with pytest.raises(InvalidName, match="git clients"):
        parse_folder_name("alice", "GIT")


def test_a_namespace_without_a_dot_is_an_account() -> None:
    assert split_namespace("alice") == ("alice", "")
