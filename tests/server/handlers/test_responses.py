from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from entrepot.server.handlers import responses

Ask = Callable[..., Request]


def test_a_response_is_json() -> None:
    answer = responses.json_response({"a": 1}, 201, {"x-more": "y"})
    assert (answer.status_code, answer.body, answer.media_type) == (201, b'{"a":1}', "application/json")
    assert answer.headers["x-more"] == "y"


def test_the_next_page_is_the_same_request_with_another_cursor(request_of: Ask) -> None:
    link = responses.next_link(request_of("k=a&cursor=old&k=b%26", host="localhost"), {"cursor": "new"})
    assert link == '<http://localhost/api/x?k=a&k=b%26&cursor=new>; rel="next"'
