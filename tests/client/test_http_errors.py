from __future__ import annotations

import copy
import email.utils
import pickle
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from entrepot import errors
from entrepot.client.calls import Call, Response, nothing
from entrepot.client.http_errors import HubFailure, failure_of, said_in, unreachable
from entrepot.errors import EntrepotError

HUB = "http://hub.example"


def failed(
    status: int,
    body: bytes = b"",
    *,
    subject: str = "model a/b",
    has_token: bool = True,
    is_authorized: bool = True,
    **headers: str,
) -> HubFailure:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    call = Call("GET", "/api/models/a/b", nothing, subject=subject, is_authorized=is_authorized)
    return failure_of(Response(status, found, body, f"{HUB}/api/x?signature=s"), call, HUB, has_token=has_token)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "RepoNotFound", errors.RepoNotFound),
        (401, "RepoNotFound", errors.RepoNotFound),
        (404, "RevisionNotFound", errors.RevisionNotFound),
        (404, "EntryNotFound", errors.EntryNotFound),
        (403, "GatedRepo", errors.GatedRepo),
        (401, "GatedRepo", errors.GatedRepo),
        (400, "", errors.Invalid),
        (401, "", errors.Unauthenticated),
        (403, "", errors.Forbidden),
        (404, "", errors.NotFound),
        (409, "", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (404, "AccountNotFound", errors.AccountNotFound),
        (404, "GrantNotFound", errors.GrantNotFound),
        (403, "RepoArchived", errors.RepoArchived),
        (412, "", errors.BranchMoved),
        (413, "", errors.TooLarge),
        (416, "", errors.RangeNotSatisfiable),
        (418, "", errors.Invalid),
        (422, "", errors.InvalidPath),
        (307, "", errors.RepoMoved),
        (500, "", errors.Damaged),
        (502, "", errors.Unavailable),
        (507, "", errors.StoreFull),
    ],
)
def test_an_answer_becomes_the_error_that_travels_as_it(status: int, code: str, expected: type[EntrepotError]) -> None:
    error = failed(status, x_error_code=code) if code else failed(status)
    assert isinstance(error, expected)
    assert isinstance(error, HubFailure)
    assert error.status_code == error.response.status_code == status
    assert error.message == str(error)
    assert error.message in repr(error)
    assert "\n" not in error.message


@pytest.mark.parametrize("restore", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_failure_survives_a_process_pool(restore: Callable[[HubFailure], HubFailure]) -> None:
    for error in (failed(404, x_error_code="EntryNotFound", x_repo_commit="c" * 40), failed(500, b'{"error": "oops"}')):
        restored = restore(error)
        assert type(restored) is type(error)
        assert (restored.message, restored.status, restored.response) == (error.message, error.status, error.response)
        assert vars(restored) == vars(error)


def test_a_missing_repository_names_type_hub_and_cure() -> None:
    seen = failed(404, x_error_code="RepoNotFound").message
    assert "model a/b was not found on http://hub.example" in seen
    assert "type (repo_type)" in seen
    assert "a token that may see it" in seen
    assert "entrepot login" in failed(401, x_error_code="RepoNotFound", has_token=False).message
    inside = failed(404, x_error_code="RepoNotFound", subject="a.txt in dataset a/b").message
    assert inside.startswith("dataset a/b was not found")


def test_a_token_that_is_not_known_is_told_apart_from_a_missing_one() -> None:
    error = failed(401, b'{"error": "Invalid credentials in Authorization header"}')
    assert isinstance(error, errors.InvalidCredentials)
    assert "log in again with 'entrepot login'" in error.message
    assert "ENTREPOT_TOKEN or HF_TOKEN, which precede the login" in error.message


def test_a_disabled_repository() -> None:
    error = failed(403, b'{"error": "Access to this resource is disabled."}')
    assert isinstance(error, errors.RepoDisabled)
    assert error.message.startswith("an administrator of http")
    assert "ask them why, or to enable it again" in error.message
    assert error.server_message == "Access to this resource is disabled."


def test_the_reason_of_a_missing_right_is_passed_on() -> None:
    told = "this token may only read: use another"
    assert failed(403, b'{"error": "%b"}' % told.encode()).message == told
    assert failed(403, b'{"error": "not yours"}').message.startswith("not yours; use a token that has this right")
    assert "the token may not do this to model a/b; use a token" in failed(403).message


def test_who_is_not_logged_in_is_told_how_to() -> None:
    seen = failed(401, b'{"error": "Invalid username or password."}', has_token=False).message
    assert seen == "model a/b needs a login at http://hub.example: log in with 'entrepot login', or set ENTREPOT_TOKEN"


def test_an_entry_is_named_and_its_commit_known() -> None:
    error = failed(404, x_error_code="EntryNotFound", x_error_message="Entry not found", x_repo_commit="c" * 40)
    assert isinstance(error, errors.EntryNotFound)
    assert error.commit == "c" * 40
    assert error.message == "model a/b: Entry not found"


def test_a_failure_of_the_hub_names_the_request() -> None:
    error = failed(500, b'{"error": "oops"}', x_request_id="r-1")
    assert error.request_id == "r-1"
    assert "(request r-1)" in error.message
    assert "try again later" in error.message


def test_a_redirect_that_could_not_be_followed_names_the_new_place() -> None:
    assert "model a/b has moved to /new/place: use its new name" in failed(307, location="/new/place?x=1").message


@pytest.mark.parametrize("text", ["", "Not Found", "nothing is served at this path; leave out the slash at its end"])
def test_something_that_this_hub_does_not_offer(text: str) -> None:
    assert "does not offer GET /api/x" in failed(404, f'{{"error": "{text}"}}'.encode()).message


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b'{"error": "one"}', {}, "one"),
        (b'{"error": ["one", "two"]}', {}, "one; two"),
        (b'{"errors": [{"message": "one"}, "two"]}', {}, "one; two"),
        (b'{"message": "lfs"}', {}, "lfs"),
        (b'{"error": "invalid_client", "error_description": "oauth"}', {}, "oauth"),
        (b"plain\nlines", {"content-type": "text/plain; charset=utf-8"}, "plain lines"),
        (b"<html>", {"content-type": "text/html"}, ""),
        (b"", {"x-error-message": "header"}, "header"),
        (b"{broken", {"x-error-message": "header"}, "header"),
        (b'{"error": "token hf_ABCDEFGH12345678 is bad"}', {}, "token *** is bad"),
    ],
)
def test_the_sentence_is_found_wherever_a_hub_puts_it(body: bytes, headers: dict[str, str], expected: str) -> None:
    given: dict[str, Any] = {name.replace("-", "_"): value for name, value in headers.items()}
    error = failed(400, body, **given)
    assert said_in(Response(400, headers, body, HUB), error.document) == expected


def test_neither_a_flood_nor_a_secret_gets_into_a_message() -> None:
    error = failed(400, b'{"error": "' + b"x" * 100_000 + b'"}')
    assert len(error.message) <= 1000
    assert "signature" not in error.url + error.message


@pytest.mark.parametrize(("offset", "word"), [(-600, "ahead of"), (600, "behind")])
def test_a_refused_link_may_be_a_matter_of_the_clock(offset: int, word: str) -> None:
    date = email.utils.formatdate(time.time() + offset, usegmt=True)
    message = failed(403, b'{"error": "expired"}', is_authorized=False, date=date).message
    assert "this computer's clock is 600 s" in message or "this computer's clock is 599 s" in message or word in message
    assert word in message


def test_a_clock_that_is_right_is_not_blamed() -> None:
    date = email.utils.formatdate(time.time(), usegmt=True)
    for given in (date, "no date"):
        assert "clock" not in failed(403, b'{"error": "expired"}', is_authorized=False, date=given).message
    old = email.utils.formatdate(0, usegmt=True)
    assert "clock" not in failed(403, b'{"error": "no right"}', date=old).message


def caused(outer: Exception, inner: Exception) -> Any:
    outer.__cause__ = inner
    return outer


def test_failed_connections_are_distinguished() -> None:
    assert isinstance(unreachable(httpx2.ReadTimeout("slow"), HUB, 7.0), errors.HubTimeout)
    assert isinstance(unreachable(httpx2.ConnectError("refused"), HUB, 1), errors.HubUnreachable)
    tls = caused(httpx2.ConnectError("handshake"), ssl.SSLCertVerificationError(1, "certificate has expired"))
    assert isinstance(unreachable(tls, HUB, 1), errors.TlsFailed)


def test_a_link_of_another_origin_is_refused_without_a_word_about_tokens() -> None:
    date = email.utils.formatdate(time.time() + 600, usegmt=True)
    call = Call("GET", "/a/b/resolve/main/f", nothing, subject="f in model a/b")
    answer = Response(403, {"date": date}, b'{"error": "expired"}', "https://store.example/f?sig=s")
    message = failure_of(answer, call, HUB, has_token=True).message
    assert message.startswith("expired; this computer's clock is ")
    bare = Response(403, {}, b"", "https://store.example/f?sig=s")
    assert failure_of(bare, call, HUB, has_token=True).message == "the link to f in model a/b was refused"
