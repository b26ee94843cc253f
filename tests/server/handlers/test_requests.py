from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from entrepot.errors import Malformed
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.server.handlers import requests

Ask = Callable[..., Request]


class Asking(msgspec.Struct):
    """A shape for JSON bodies."""

    name: str = "nobody"


def test_the_hub_is_where_the_client_sees_it(request_of: Ask) -> None:
    assert requests.base_url(request_of(host="localhost:8080")) == "http://localhost:8080"
    assert requests.base_url(request_of()) == "http://testserver:80"


def test_only_a_trusted_proxy_is_believed(request_of: Ask) -> None:
    headers = {"host": "inner:1", "x_forwarded_proto": "https, http", "x_forwarded_host": "hub.example, inner:1"}
    known: dict[str, Any] = {"allowed_hosts": ("inner", "hub.example")}
    assert requests.base_url(request_of(settings=known, **headers)) == "http://inner:1"
    trusting = {"trusted_proxies": ("10.0.0.0/8",), **known}
    assert requests.base_url(request_of(settings=trusting, **headers)) == "https://hub.example"


def test_a_setting_says_where_the_hub_is(request_of: Ask) -> None:
    assert (
        requests.base_url(request_of(settings={"base_url": "https://h.example/x"}, host="no")) == "https://h.example/x"
    )


@pytest.mark.parametrize("host", ["a/b", "user@host", "a b", "a?b", "a#b", "a\\b"])
def test_a_host_that_is_none_is_refused(request_of: Ask, host: str) -> None:
    with pytest.raises(Malformed):
        requests.base_url(request_of(host=host))


def test_a_path_names_a_repository_or_nothing(request_of: Ask) -> None:
    request = request_of(path={"namespace": "alice", "name": "m"})
    assert requests.repo_of(request, RepoType.MODEL) == RepoRef(RepoType.MODEL, RepoId("alice", "m"))
    for name in ("..", "a/b", "x" * 200, "%00"):
        found = requests.repo_of(request_of(path={"namespace": "alice", "name": name}), RepoType.MODEL)
        assert found == RepoRef(RepoType.MODEL, requests.NO_REPO)
    assert requests.lookup_id("a/b/c") == requests.NO_REPO
    assert requests.lookup_id("gpt2") == RepoId("", "gpt2")


def test_json_is_read_into_a_shape_or_refused() -> None:
    assert requests.decode_json(b'{"name": "x", "other": 1}', Asking) == Asking("x")
    for body in (b"", b"{", b"[]", b'{"name": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(Malformed):
            requests.decode_json(body, Asking)


def test_a_body_that_changes_things_is_decoded_once_unless_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(body: bytes) -> Asking:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        request = Request({"type": "http", "method": "PUT", "path": "/api/x", "headers": []}, receive)
        return asyncio.run(requests.read_json(request, Asking))

    decoded = list[bytes]()
    decode = msgspec.json.decode
    monkeypatch.setattr(msgspec.json, "decode", lambda data, **how: decoded.append(data) or decode(data, **how))
    assert read(b'{"name": "x"}').name == "x"
    assert decoded == [b'{"name": "x"}']
    with pytest.raises(Malformed, match="no field 'other' here; nothing was changed; known fields: name"):
        read(b'{"name": "x", "other": 1}')
    with pytest.raises(Malformed, match="Expected `str`"):
        read(b'{"name": 1}')


@pytest.mark.parametrize(("text", "is_on"), [("true", True), ("True", True), ("1", True), ("on", True), ("0", False)])
def test_a_flag_is_written_in_many_ways(request_of: Ask, text: str, is_on: bool) -> None:
    assert requests.query_flag(request_of(f"x={text}"), "x") is is_on


def test_parameters_missing_from_the_query_are_off_or_empty(request_of: Ask) -> None:
    assert requests.query_flag(request_of(), "x") is False
    assert requests.query_list(request_of(), "x") == []
    assert requests.query_int(request_of("x="), "x", 7, low=1, high=9) == 7


def test_a_list_is_a_repeated_parameter_with_or_without_brackets(request_of: Ask) -> None:
    assert requests.query_list(request_of("k=a&k=&k[]=b&k=c"), "k") == ["a", "c", "b"]


def test_a_number_is_cut_to_its_range(request_of: Ask) -> None:
    asked = [requests.query_int(request_of(f"n={text}"), "n", 5, low=1, high=9) for text in ("3", "0", "-4", "100")]
    assert asked == [3, 1, 1, 9]
    with pytest.raises(Malformed):
        requests.query_int(request_of("n=many"), "n", 5, low=1, high=9)
