from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import BlobMissing, ClientGone, EntrepotError, GatedRepo, LoginRequired, Refused, RepoMoved
from entrepot.server.lfs.lfs_errors import with_lfs_errors
from entrepot.settings import Settings


async def finish(response: Awaitable[object]) -> object:
    return await response


def answer(error: EntrepotError, *, challenges: bool = False) -> tuple[Response, dict[str, object]]:
    async def fail(_request: Request) -> Response:
        raise error

    app = SimpleNamespace(hub=SimpleNamespace(settings=Settings(data=Path("data"), base_url="https://hub.example.org")))
    state: dict[str, object] = {"app": app}
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/a/b.git/x",
        "query_string": b"q=1",
        "headers": [],
        "state": state,
    }
    response = asyncio.run(finish(with_lfs_errors(fail, challenges=challenges)(Request(scope))))
    assert isinstance(response, Response)
    del state["app"]
    return response, state


def test_an_error_keeps_its_status_and_says_its_sentence_twice() -> None:
    response, _ = answer(Refused("Not now, please."))
    assert response.status_code == 409
    assert json.loads(bytes(response.body)) == {"error": "Not now, please.", "message": "Not now, please."}
    assert response.headers["content-type"] == "application/vnd.git-lfs+json"
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["x-error-message"] == "Not now, please."


def test_codes_and_redirects_are_kept() -> None:
    gated, _ = answer(GatedRepo("a/b", "model", anonymous=False))
    moved, _ = answer(RepoMoved("a/b", "c/d"))
    assert gated.headers["x-error-code"] == "GatedRepo"
    assert "Visit https://hub.example.org/a/b/access to ask for access." in gated.headers["x-error-message"]
    assert (moved.status_code, moved.headers["location"]) == (307, "/c/d.git/x?q=1")


def test_only_routes_that_accept_credentials_ask_for_them() -> None:
    _, with_challenge = answer(LoginRequired(), challenges=True)
    _, without = answer(LoginRequired())
    assert with_challenge == {"challenge": 'Basic realm="entrepot", charset="UTF-8"'}
    assert without == {}


@pytest.mark.parametrize("error", [ClientGone(), BlobMissing("k")])
def test_errors_to_log_are_left_to_the_middleware(error: EntrepotError) -> None:
    with pytest.raises(type(error)):
        answer(error)
