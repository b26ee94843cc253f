from __future__ import annotations

import pickle

import pytest
from huggingface_hub import CommitInfo as TheirCommitInfo

from entrepot.errors import InvalidName, Malformed
from entrepot.hf.shapes.addresses import CommitInfo, RepoUrl

HUB = "https://hub.example"


@pytest.mark.parametrize(
    ("text", "repo_type", "repo_id"),
    [
        (f"{HUB}/ns/name", "model", "ns/name"),
        (f"{HUB}/datasets/ns/name", "dataset", "ns/name"),
        (f"{HUB}/spaces/ns/name", "space", "ns/name"),
        ("https://another-name-of-the-hub.example/datasets/ns/name", "dataset", "ns/name"),
        ("ns/name", "model", "ns/name"),
        ("datasets/ns/name", "dataset", "ns/name"),
    ],
)
def test_a_url_has_its_parts_as_attributes(text: str, repo_type: str, repo_id: str) -> None:
    url = RepoUrl(text, endpoint=HUB)
    assert url == text == url.url
    assert (url.repo_type, url.repo_id, url.namespace, url.repo_name) == (repo_type, repo_id, "ns", "name")
    assert url.endpoint == HUB
    assert repr(url) == f"RepoUrl('{text}', endpoint='{HUB}', repo_type='{repo_type}', repo_id='{repo_id}')"


def test_a_hub_below_a_path() -> None:
    assert RepoUrl(f"{HUB}/base/ns/name", endpoint=f"{HUB}/base").repo_id == "ns/name"


@pytest.mark.parametrize("text", [HUB, f"{HUB}/name", f"{HUB}/ns/name/more", "name"])
def test_another_address_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="namespace/name"):
        RepoUrl(text, endpoint=HUB)


def test_an_id_that_breaks_a_rule_is_refused() -> None:
    with pytest.raises(InvalidName):
        RepoUrl(f"{HUB}/ns/na--me", endpoint=HUB)


def test_addresses_and_commits_survive_a_copy() -> None:
    url = pickle.loads(pickle.dumps(RepoUrl(f"{HUB}/ns/name", endpoint=HUB)))
    assert (url, url.repo_id, url.endpoint) == (f"{HUB}/ns/name", "ns/name", HUB)
    made = CommitInfo(f"{HUB}/ns/name/commit/abc", "m", "d", "abc", HUB, f"{HUB}/ns/name/discussions/7")
    copied = pickle.loads(pickle.dumps(made))
    assert (copied, copied.pr_num, copied.repo_url.repo_id) == (made, 7, "ns/name")


def test_a_commit_equals_that_of_huggingface_hub() -> None:
    arguments = ("https://huggingface.co/ns/name/commit/abc", "message", "more", "abc", "https://huggingface.co")
    for pull in (None, "https://huggingface.co/ns/name/discussions/7"):
        mine, theirs = CommitInfo(*arguments, pull), TheirCommitInfo(*arguments, pull)
        assert str(mine) == str(theirs)
        for name in ("commit_url", "commit_message", "commit_description", "oid", "pr_url", "pr_num", "pr_revision"):
            assert getattr(mine, name) == getattr(theirs, name)
        assert str(mine.repo_url) == str(theirs.repo_url)


def test_a_pull_request_without_a_number() -> None:
    with pytest.raises(Malformed, match="its number"):
        CommitInfo(f"{HUB}/ns/name/commit/abc", "m", "d", "abc", HUB, f"{HUB}/ns/name/discussions/x")
