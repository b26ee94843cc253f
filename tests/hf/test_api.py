from __future__ import annotations

import ast
import inspect
import pathlib

import pytest

import entrepot
from entrepot.hf.api import HfApi, HubApi, default_api, function_of
from entrepot.hf.base import Base
from entrepot.testing.hubs import RunningHub


def test_the_api_has_two_names() -> None:
    assert HfApi is HubApi
    assert entrepot.HfApi is entrepot.HubApi is HubApi


def test_a_function_works_on_the_environment_at_the_time_of_the_call(
    at_hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    whoami = function_of("whoami")
    assert whoami() == HubApi(at_hub.url, at_hub.token).whoami()
    monkeypatch.setenv("ENTREPOT_TOKEN", at_hub.user("another").token)
    assert whoami()["name"] == "another"


def test_a_function_looks_like_its_method() -> None:
    create = function_of("create_repo")
    assert create.__name__ == "create_repo"
    assert create.__doc__ == HubApi.create_repo.__doc__
    assert next(iter(inspect.signature(create).parameters)) == "repo_id"


def test_the_same_environment_has_one_api(at_hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    one = default_api()
    assert default_api() is one
    monkeypatch.setenv("ENTREPOT_TOKEN", "other")
    assert default_api() is not one


def test_themes_rely_on_the_base_alone() -> None:
    for theme in HubApi.__bases__:
        assert issubclass(theme, Base)
        source = pathlib.Path(inspect.getfile(theme)).read_text(encoding="utf-8")
        imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
        assert "entrepot.hf.api" not in imported, theme
