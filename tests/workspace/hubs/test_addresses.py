from __future__ import annotations

import pytest

from entrepot.errors import InvalidName, UrlRefused
from entrepot.names import RepoType
from entrepot.testing.hubs import RunningHub
from entrepot.workspace.entities.kinds import MODELS
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.specs import StorageRef, new_spec
from entrepot.workspace.hubs.addresses import EntityNamespace, find_hub, parse_hub_url, repo_type


def test_an_explicit_address_is_taken_as_it_is() -> None:
    found = find_hub("hub+https://hub.example.org/alice/", {})
    assert found == EntityNamespace("https://hub.example.org", "alice")
    assert found.url == "https://hub.example.org/alice"
    assert parse_hub_url(found.url) == found


def test_the_hub_is_asked_whether_it_is_one(entrepot_hub: RunningHub) -> None:
    assert find_hub(f"{entrepot_hub.url}/alice", {}) == EntityNamespace(entrepot_hub.url, "alice")


@pytest.mark.parametrize(
    "url",
    [
        "git@host:team/data.git",
        "/srv/git/data.git",
        "https://host/team/data",
        "https://host/data.git",
        "http://127.0.0.1:9/x",
    ],
)
def test_other_urls_are_those_of_git(url: str) -> None:
    assert find_hub(url, {}) is None


@pytest.mark.parametrize(
    "url",
    ["hub+https://host", "hub+ftp://host/a", "hub+https://u:p@host/a", "hub+https://host/-a-", "https://host/a?b/c"],
)
def test_an_address_without_a_namespace_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        parse_hub_url(url)


def test_entities_are_repositories() -> None:
    place = EntityNamespace("https://h", "alice")
    assert place.git_url(place.repo("datasets", "x")) == "https://h/datasets/alice/x.git"
    assert place.git_url(place.repo("models", "x")) == "https://h/alice/x.git"
    assert repo_type("labels") is RepoType.DATASET
    assert place.git_url(place.repo("datasets", "a+b")) == "https://h/datasets/alice/a_2bb.git"
    with pytest.raises(InvalidName):
        place.repo("datasets", "+" * 60)
    spec = new_spec(MODELS, "x", ("a",), Mutability.STRICT, StorageRef("hub", "alice"), 1)
    assert str(place.repo_of(spec).id) == "alice/x"
    assert str(place.repo_of(spec.with_repository("other")).id) == "alice/other"
    with pytest.raises(InvalidName):
        place.repo_of(spec.with_repository("../owned"))


def test_a_project_cannot_have_the_token_of_the_environment_sent_elsewhere() -> None:
    place = EntityNamespace("http://127.0.0.1:9", "alice")
    token = {"ENTREPOT_TOKEN": "hf_secret"}
    assert place.connect(token).token is None
    assert place.connect(token | {"ENTREPOT_ENDPOINT": "http://127.0.0.1:8"}).token is None
    assert place.connect(token | {"ENTREPOT_ENDPOINT": "http://127.0.0.1:9"}).token == "hf_secret"
