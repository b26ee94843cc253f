from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import Request

from entrepot import errors
from entrepot.server.error_responses import error_response, header_text, moved_location, text_response, with_errors

COMMIT = "c" * 40


def headers_of(error: errors.EntrepotError, path: str = "/x", query: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    answer = error_response(error, raw_path=path, query=query)
    return answer.status, {name.decode(): value.decode() for name, value in answer.headers}, answer.body


def test_an_error_is_json_and_headers() -> None:
    status, headers, body = headers_of(errors.RevisionNotFound("dev"))
    assert (status, json.loads(body)) == (404, {"error": "Invalid rev id: dev"})
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-error-message": "Invalid rev id: dev",
        "x-error-code": "RevisionNotFound",
    }


def test_a_missing_entry_names_the_commit_it_is_missing_in() -> None:
    _, headers, _ = headers_of(errors.EntryNotFound("a", commit=COMMIT))
    assert headers["x-repo-commit"] == COMMIT


def test_an_unsatisfiable_range_tells_the_size() -> None:
    status, headers, _ = headers_of(errors.RangeNotSatisfiable(12))
    assert (status, headers["content-range"]) == (416, "bytes */12")


def test_an_existing_thing_tells_its_url() -> None:
    status, _, body = headers_of(errors.AlreadyExists("You already created this model repo", "http://h/a/b"))
    assert (status, json.loads(body)) == (409, {"error": "You already created this model repo", "url": "http://h/a/b"})
    assert "url" not in json.loads(headers_of(errors.AlreadyExists("taken"))[2])


def test_a_busy_hub_says_when_to_come_back() -> None:
    status, headers, _ = headers_of(errors.Busy("main"))
    assert (status, headers["retry-after"]) == (503, "1")


def test_a_moved_repository_redirects_with_path_and_query_kept() -> None:
    moved = errors.RepoMoved("old/name", "new/name")
    status, headers, _ = headers_of(moved, "/api/models/Old/Name/tree/main%2Fx", b"recursive=true&x=%20")
    assert (status, headers["location"]) == (307, "/api/models/new/name/tree/main%2Fx?recursive=true&x=%20")


def test_a_moved_repository_that_the_path_does_not_name_is_not_found() -> None:
    status, headers, body = headers_of(errors.RepoMoved("old/name", "new/name"), "/api/repos/move")
    assert (status, headers["x-error-code"]) == (404, "RepoNotFound")
    assert json.loads(body) == {"error": "old/name has moved to new/name"}
    assert "location" not in headers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/old/name", "/new/one"),
        ("/datasets/old/name/resolve/main/old/name", "/datasets/new/one/resolve/main/old/name"),
        ("/old/name.git/info/refs", "/new/one.git/info/refs"),
        ("/api/models/old%2fname/refs", "/api/models/new/one/refs"),
        ("//old/name", "/new/one"),
        ("/old/name.github/x", None),
        ("/old/names", None),
        ("/bold/name", None),
    ],
)
def test_only_the_id_itself_is_replaced(path: str, expected: str | None) -> None:
    assert moved_location(path, b"", old="old/name", new="new/one") == expected


def test_a_message_in_a_header_is_one_short_ascii_line() -> None:
    assert header_text("plain") == "plain"
    assert header_text("a\r\nSet-Cookie: b\tc") == "a Set-Cookie: b c"
    assert header_text("é\x00") == "\\xe9\\x00"
    assert len(header_text("x" * 5000)) == 1000
    assert len(header_text("é" * 5000)) == 1000


def test_further_headers_come_last() -> None:
    assert text_response(405, "no", more=[(b"allow", b"GET")]).headers[-1] == (b"allow", b"GET")


def explained(error: errors.EntrepotError) -> str:
    async def fail(_request: Request) -> str:
        raise error

    async def ask() -> str:
        handler = with_errors(fail, lambda error, base: f"{base.status} {error.message}")
        return await handler(Request({"type": "http", "path": "/x", "query_string": b"", "headers": []}))

    return asyncio.run(ask())


@pytest.mark.parametrize("error", [errors.RepoNotFound(), errors.LoginRequired()])
def test_a_protocol_explains_errors_in_its_own_form(error: errors.EntrepotError) -> None:
    assert explained(error) == f"{headers_of(error)[0]} {error.message}"


def test_errors_that_the_log_needs_are_left_to_the_middleware() -> None:
    with pytest.raises(errors.ClientGone):
        explained(errors.ClientGone())
