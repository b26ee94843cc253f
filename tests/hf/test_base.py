from __future__ import annotations

import pytest

from entrepot.errors import ConfigError, InvalidName, TokenMissing
from entrepot.hf.base import Base, repo_ref
from entrepot.hf.shapes.addresses import RepoUrl
from entrepot.names import RepoType


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    monkeypatch.delenv("ENTREPOT_TOKEN", raising=False)
    monkeypatch.setenv("ENTREPOT_ENDPOINT", "http://named.example/")


def test_the_endpoint_is_that_of_the_environment_unless_one_is_given() -> None:
    assert Base().endpoint == "http://named.example"
    assert Base("https://Given.example/").endpoint == "https://given.example"
    assert repr(Base(token="hf_secretsecret")) == "Base(endpoint='http://named.example')"
    with pytest.raises(ConfigError):
        Base("given.example")


def test_the_token_of_a_call_goes_before_that_of_the_object() -> None:
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


def test_a_repository_is_a_model_unless_it_is_said_otherwise() -> None:
    assert repo_ref("a/b").type is RepoType.MODEL
    assert repo_ref("a/b", "dataset").type is RepoType.DATASET
    address = RepoUrl("https://given.example/datasets/a/b", endpoint="https://given.example")
    assert repo_ref(address) == repo_ref("a/b", "dataset")
    with pytest.raises(InvalidName, match="namespace/name"):
        repo_ref("b")
    with pytest.raises(InvalidName, match="expected model, dataset or space"):
        repo_ref("a/b", "table")
