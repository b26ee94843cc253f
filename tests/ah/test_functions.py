"""The functions as the seed documents them: names, signatures, requests, and the paths that each refuses."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import AssetHubError
from entrepot.client.transport import Transport
from entrepot.testing.hubs import RunningHub

SIGNATURES = {
    "commit": "(path, msg, delete=None, add=None, force=False)",
    "create": "(path, labels=None, description='', exist_ok=False, create_tag=False, source='main')",
    "delete": "(path, force=False)",
    "download": "(path, objects=None, save_dir='.')",
    "get": "(path)",
    "list": "(path, resource='default')",
    "login": "(ah_host=None, ais_host=None, api_key=None, timeout=None)",
    "logout": "()",
    "merge": "(path)",
    "update": "(path, name=None, labels=None, description=None)",
}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_signature_is_that_of_the_document(name: str) -> None:
    found = inspect.signature(getattr(ah, name))
    bare = found.replace(
        parameters=[parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    assert str(bare) == SIGNATURES[name]
    assert getattr(ah, name).__name__ == name


def test_reset_takes_the_document_s_argument_first() -> None:
    assert next(iter(inspect.signature(ah.reset).parameters)) == "path"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, at_hub: RunningHub) -> list[str]:
    """The requests of this process from now on, after the login."""
    sessions.current()
    found: list[str] = []
    once = Transport._once

    def watched(self: Transport, call: Any, url: str, *rest: Any) -> Any:
        found.append(f"{call.method} {url.partition('/api/')[2]}")
        return once(self, call, url, *rest)

    monkeypatch.setattr(Transport, "_once", watched)
    return found


def test_how_many_requests_a_call_needs(fresh_model: str, asked: list[str]) -> None:
    folder = fresh_model.rpartition("/")[0]
    Path("a.txt").write_text("a")

    def count(call: Callable[[], object]) -> int:
        asked.clear()
        call()
        return len(asked)

    assert count(lambda: ah.get(folder)) == 1
    assert count(lambda: ah.get(fresh_model)) == 1
    assert count(lambda: ah.get(f"{fresh_model}:main")) == 2
    assert count(lambda: ah.list(folder)) == 1
    assert count(lambda: ah.commit(fresh_model, "m", add=["a.txt"])) == 2  # preupload, commit: as upload_folder
    assert count(lambda: ah.commit(fresh_model, "m", add=["a.txt"])) == 1
    assert count(lambda: ah.update(fresh_model)) == 0


def test_many_files_need_no_more_requests_than_an_upload_of_a_folder(fresh_model: str, asked: list[str]) -> None:
    from entrepot import HubApi

    for number in range(300):
        path = Path(f"many/{number}.txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    hub = sessions.current().hub
    api = HubApi(hub.endpoint, hub.token)
    ah.create(f"{fresh_model}-other")
    asked.clear()
    api.upload_folder(folder_path="many", repo_id=f"tester.{fresh_model.split('/')[1]}/gpt2-other", commit_message="m")
    theirs = len(asked)
    asked.clear()
    assert ah.commit(fresh_model, "m", add=["many/*"]) is not None
    assert len(asked) <= theirs
    assert len(ah.list(fresh_model)) == 300


@pytest.mark.parametrize("path", ["model", "dataset", "/tester/t9k-assethub/model"])
def test_all_folders_of_an_owner_can_only_be_listed(at_hub: RunningHub, path: str) -> None:
    for call in (
        lambda: ah.get(path),
        lambda: ah.create(path),
        lambda: ah.delete(path, force=True),
        lambda: ah.update(path, labels=["x"]),
        lambda: ah.commit(path, "m"),
        lambda: ah.stage(path, add=[]),
        lambda: ah.status(path),
        lambda: ah.share(path, public=True),
        lambda: ah.download(path),
    ):
        with pytest.raises(AssetHubError):
            call()
    ah.list(path)


@pytest.mark.parametrize("path", ["foo", "", "model/a b", "x" * 10_000, "model/\0", "Model/LLM", "model/%2e%2e/x"])
def test_every_function_refuses_what_is_no_path(at_hub: RunningHub, path: str) -> None:
    for call in (
        ah.get,
        ah.create,
        ah.delete,
        ah.update,
        ah.list,
        ah.merge,
        ah.reset,
        ah.download,
        ah.status,
        ah.list_grants,
        lambda path: ah.commit(path, "m"),
        lambda path: ah.share(path, public=True),
        lambda path: ah.unshare(path, public=True),
        lambda path: ah.stage(path),
    ):
        with pytest.raises(ValueError, match=r"^Invalid path of resource: "):
            call(path)


def test_who_is_logged_in(at_hub: RunningHub) -> None:
    at_hub.org("whoteam", admin="tester")
    found = ah.whoami()
    assert (found["name"], found["host"]) == ("tester", at_hub.url)
    assert "whoteam" in found["groups"]


def test_nothing_is_left_in_the_working_folder(fresh_model: str) -> None:
    Path("a.txt").write_text("a")
    ah.commit(fresh_model, "m", add=["a.txt"])
    ah.list(fresh_model)
    ah.download(fresh_model, save_dir="out")
    assert sorted(os.listdir(".")) == ["a.txt", "out"]
