from __future__ import annotations

from typing import Any

from tests.support.served_hub import ServedHub


def ask(world: ServedHub, path: str, token: str | None = None) -> Any:
    with world.client() as client:
        auth = ("anybody", token) if token else None
        return client.get(f"/{path}/info/refs", params={"service": "git-upload-pack"}, auth=auth)


def test_git_is_asked_for_credentials_before_anything_is_said(world: ServedHub) -> None:
    private = world.repo("git-private", visibility="private")
    answers = [ask(world, path) for path in (private.path, f"{private.path}.git", "alice/no-such-thing")]
    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.headers["www-authenticate"].startswith("Basic ") for answer in answers)
    assert len({answer.text for answer in answers}) == 1


def test_the_token_is_the_password_of_any_user(world: ServedHub) -> None:
    private = world.repo("git-private-too", visibility="private")
    assert ask(world, private.path, world.alice).status_code == 200
    assert ask(world, private.path, world.bob).status_code == 404
    assert ask(world, private.path, "hf_wrong").status_code == 401


def test_errors_are_text_that_git_shows(world: ServedHub) -> None:
    answer = ask(world, "alice/nothing-here", world.alice)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert "not found" in answer.text


def test_a_name_that_cannot_be_is_not_found(world: ServedHub) -> None:
    assert ask(world, "alice/a--b", world.alice).status_code == 404
