from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.hub.repos import repositories
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.server.pages.forms import FRESH, Form, sentence
from tests.server.pages.conftest import PASSWORD, browse, form_token, send_form
from tests.support.served_hub import ServedHub

PAGE = "/alice/tern/discussions/new"


def test_fields_are_read_as_they_were_typed() -> None:
    form = Form({"a": ["1", "2"], "text": ["one\r\ntwo"], "ticked": ["x", "y"]})
    assert (form.text("a"), form.text("text"), form.text("b", "default")) == ("2", "one\ntwo", "default")
    assert form.all("a") == ["1", "2"]
    assert form.all("b") == ()
    assert form.has("a")
    assert not form.has("b")
    assert form.ticked("ticked", "y")
    assert not form.ticked("ticked", "z", default=True)
    assert FRESH.ticked("ticked", "z", default=True)


def test_a_message_becomes_a_sentence() -> None:
    assert sentence(Malformed("form", "what is it?")).endswith("?")
    assert sentence(Malformed("table", "it is empty")) == "Malformed table: it is empty."
    assert sentence(Malformed("confirmation", "type acme/m to delete it")) == "Type acme/m to delete it."


@pytest.mark.parametrize("name", ["bad.parquet", "alice/imdb", "data/train", "snake_case"])
def test_a_name_at_the_start_of_a_sentence_keeps_its_letters(name: str) -> None:
    assert sentence(UnsupportedDataset(name, "it is empty")).startswith(f"{name} cannot")


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "none"}])
def test_a_form_from_elsewhere_is_refused_before_it_is_read(signed_in: httpx2.Client, headers: dict[str, str]) -> None:
    assert signed_in.post(PAGE, headers=headers, content=b"\xff").status_code == 403


def test_a_form_without_the_token_of_its_session_is_refused(signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    fields = {"title": "A title", "text": "Text"}
    for csrf in ({}, {"csrf": "0" * 64}, {"csrf": "ä"}):
        assert signed_in.post(PAGE, data={**fields, **csrf}).status_code == 403
    assert browser.post(PAGE, data={**fields, "csrf": form_token(signed_in, PAGE)}).status_code == 403
    assert "Nothing here" in browser.get("/alice/tern/discussions").text


def test_what_was_typed_survives_the_end_of_the_session(site: ServedHub, signed_in: httpx2.Client) -> None:
    fields = {"title": "Kept title", "text": "one <b>\ntwo\n", "kind": "discussion"}
    old = form_token(signed_in, PAGE)
    signed_in.cookies.clear()
    answer = signed_in.post(PAGE, data={**fields, "csrf": old})
    assert (answer.status_code, answer.headers["cache-control"]) == (403, "no-store")
    assert "one &lt;b&gt;\ntwo\n</textarea>" in answer.text
    assert 'name="title" value="Kept title"' in answer.text
    assert "Sign in in a new tab" in answer.text

    signed_in.post("/login", data={"name": "alice", "password": PASSWORD})
    answer = signed_in.post(PAGE, data={**fields, "csrf": old})
    assert (answer.status_code, "You are signed in as alice" in answer.text) == (403, True)
    token = re.search(r'<form class="stack".*?name="csrf" value="(\w{64})"', answer.text, re.DOTALL)
    assert token is not None
    assert "Kept title" in signed_in.post(PAGE, data={**fields, "csrf": token[1]}).text


def test_what_was_typed_survives_a_session_that_was_ended_elsewhere(site: ServedHub) -> None:
    hidden = "/alice/hidden/discussions/new"
    with browse(site) as client:
        client.post("/login", data={"name": "alice", "password": PASSWORD})
        token = form_token(client, hidden)
        copy = dict(client.cookies)
        client.post("/logout", data={"csrf": token})
        client.cookies.update(copy)
        answer = client.post(hidden, data={"title": "T", "text": "kept\ntext", "csrf": token})
    assert (answer.status_code, "kept\ntext" in answer.text) == (403, True)


def test_passwords_of_a_form_of_another_session_are_not_shown(signed_in: httpx2.Client) -> None:
    fields = {"user": "alice", "present": PASSWORD, "wanted": "a\nnew one", "again": "a\nnew one"}
    answer = signed_in.post("/settings/password", data={**fields, "csrf": "0" * 64})
    assert answer.status_code == 403
    assert PASSWORD not in answer.text
    assert "new one" not in answer.text


def test_a_form_that_is_too_long_or_none_is_refused(signed_in: httpx2.Client) -> None:
    assert signed_in.post(PAGE, content=b"a" * ((1 << 20) + 1)).status_code == 413
    for body in (b"\xff", b"a=%ff", b"&".join(b"a=1" for _ in range(2_001))):
        assert signed_in.post(PAGE, content=body).status_code == 400


def test_a_token_of_the_api_is_no_session(site: ServedHub, browser: httpx2.Client) -> None:
    headers = {"authorization": f"Bearer {site.alice}"}
    assert browser.post(PAGE, data={"title": "A title"}, headers=headers).status_code == 403


def test_a_form_that_is_shown_again_is_not_cached(signed_in: httpx2.Client) -> None:
    answer = send_form(signed_in, PAGE, {"title": "x"})
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"


def test_a_repository_that_moved_is_found_by_its_forms(site: ServedHub, signed_in: httpx2.Client) -> None:
    old = site.repo("former")
    repositories.move(site.hub, site.caller(), old, RepoRef(RepoType.MODEL, RepoId("alice", "present")))
    answer = send_form(signed_in, PAGE, {"title": "A title", "text": "Text"}, "/alice/former/discussions/new")
    assert answer.url.path == "/alice/present/discussions/1"
