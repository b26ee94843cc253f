from __future__ import annotations

import pytest

import entrepot
from entrepot.errors import ConfigError, InvalidName, RepoNotFound, TokenMissing
from entrepot.hf.base import Base, repo_ref
from entrepot.hf.shapes.addresses import RepoUrl
from entrepot.names import RepoType
from entrepot.testing.hubs import RunningHub


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    monkeypatch.delenv("ENTREPOT_TOKEN", raising=False)
    monkeypatch.setenv("ENTREPOT_ENDPOINT", "http://named.example/")


def test_the_endpoint_is_read_from_the_environment_by_default() -> None:
    assert Base().endpoint == "http://named.example"
    assert Base("https://Given.example/").endpoint == "https://given.example"
    assert repr(Base(token="hf_secretsecret")) == "Base(endpoint='http://named.example')"
    with pytest.raises(ConfigError):
        Base("given.example")


def test_the_token_of_a_call_takes_precedence() -> None:
    api = Base(token="mine")
    assert api._hub().token == "mine"
    assert api._hub("theirs").token == "theirs"
    assert api._hub(False).token is None
    assert Base()._hub().token is None
    with pytest.raises(TokenMissing):
        Base(token=True)._hub()


def test_equal_objects_share_connections() -> None:
    assert Base(token="a")._hub() is Base(token="a")._hub()
    assert Base(token="a")._hub() is not Base(token="a", library_name="x")._hub()


def test_a_repository_is_a_model_by_default() -> None:
    assert repo_ref("a/b").type is RepoType.MODEL
    assert repo_ref("a/b", "dataset").type is RepoType.DATASET
    address = RepoUrl("https://given.example/datasets/a/b", endpoint="https://given.example")
    assert repo_ref(address) == repo_ref("a/b", "dataset")
    assert repo_ref("b").id.is_short
    assert repo_ref("https://given.example/datasets/a/b/tree/main", endpoint="https://given.example") == repo_ref(
        address
    )
    with pytest.raises(InvalidName, match="not of the hub"):
        repo_ref("https://other.example/a/b", endpoint="https://given.example")
    with pytest.raises(InvalidName, match="expected model, dataset or space"):
        repo_ref("a/b", "table")


def test_a_change_needs_a_namespace_and_the_callers_own_is_proposed(at_hub: RunningHub) -> None:
    name = entrepot.whoami()["name"]
    for call in (
        lambda: entrepot.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="gpt2"),
        lambda: entrepot.delete_repo("gpt2"),
        lambda: entrepot.delete_file("x", "gpt2"),
        lambda: entrepot.create_branch("gpt2", branch="x"),
        lambda: entrepot.create_discussion("gpt2", title="x"),
        lambda: entrepot.update_repo_settings("gpt2", private=True),
        lambda: entrepot.move_repo("gpt2", "a/b"),
        lambda: entrepot.like("gpt2"),
    ):
        with pytest.raises(InvalidName, match=f"{name}/gpt2"):
            call()
    with pytest.raises(InvalidName, match="namespace/gpt2"):
        entrepot.HubApi(at_hub.url, token=False).like("gpt2")


def test_reading_asks_the_hub_for_an_id_without_a_namespace(at_hub: RunningHub) -> None:
    for call in (
        lambda: entrepot.model_info("gpt2"),
        lambda: entrepot.list_repo_files("gpt2"),
        lambda: entrepot.hf_hub_download("gpt2", "config.json"),
        lambda: entrepot.snapshot_download("gpt2"),
        lambda: entrepot.list_repo_refs("gpt2", repo_type="datasets"),
    ):
        with pytest.raises(RepoNotFound):
            call()
    assert not entrepot.repo_exists("gpt2")
    assert not entrepot.file_exists("datasets/gpt2", "x")
