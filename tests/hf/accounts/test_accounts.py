from __future__ import annotations

import pytest
from huggingface_hub import HfApi as Oracle

import entrepot
from entrepot.errors import InvalidCredentials, NotFound, TokenMissing
from entrepot.hf.api import HubApi
from entrepot.testing.hubs import RunningHub


def test_the_account_of_the_caller(at_hub: RunningHub, oracle: Oracle) -> None:
    assert entrepot.whoami() == oracle.whoami()
    assert entrepot.whoami(at_hub.user("reader", "read").token)["name"] == "reader"


def test_the_role_of_a_token(at_hub: RunningHub) -> None:
    api = HubApi()
    assert api.get_token_permission() == "write"
    assert api.get_token_permission(at_hub.user("reader", "read").token) == "read"
    assert api.get_token_permission("hf_nobodyhasthis") is None


def test_a_missing_or_invalid_token_raises(at_hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidCredentials, match="entrepot login"):
        entrepot.whoami("hf_nobodyhasthis")
    monkeypatch.delenv("ENTREPOT_TOKEN", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(TokenMissing, match="ENTREPOT_TOKEN"):
        entrepot.whoami()


def test_a_name_gets_the_namespace_of_the_caller(at_hub: RunningHub) -> None:
    api = HubApi()
    assert api.get_full_repo_name("bert") == "tester/bert"
    assert api.get_full_repo_name("bert", organization="acme") == "acme/bert"
    assert api.get_full_repo_name("acme/bert") == "acme/bert"


def test_users_and_organisations(at_hub: RunningHub, oracle: Oracle) -> None:
    at_hub.org("hf-acme", members={"hf-member": "read"})
    api = HubApi()
    mine, theirs = api.get_user_overview("tester"), oracle.get_user_overview("tester")
    assert (mine.username, mine.num_models, mine.orgs[0].name) == (
        theirs.username,
        theirs.num_models,
        theirs.orgs[0].name,
    )
    assert api.get_organization_overview("hf-acme").num_users == 2
    assert {user.username for user in api.list_organization_members("hf-acme")} == {"tester", "hf-member"}
    assert list(api.list_organization_followers("hf-acme")) == []
    assert list(api.list_user_followers("tester")) == list(api.list_user_following("tester")) == []
    with pytest.raises(NotFound, match="nobody-at-all"):
        api.get_user_overview("nobody-at-all")


def test_the_storage_of_repositories(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name, private=True)
    mine, theirs = ({repo.id: repo for repo in api.list_user_repos()} for api in (HubApi(), oracle))
    assert vars(mine[fresh_name]) == vars(theirs[fresh_name])


def test_tags(at_hub: RunningHub, oracle: Oracle) -> None:
    assert entrepot.get_model_tags() == oracle.get_model_tags()
    assert entrepot.get_dataset_tags() == oracle.get_dataset_tags()
