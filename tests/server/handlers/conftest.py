from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import msgspec
import pytest
from starlette.requests import Request

from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.server.handlers import AppState
from entrepot.server.threads import Threads
from entrepot.settings import Settings

Ask = Callable[..., Request]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubContext]:
    opened = open_hub(Settings(data=tmp_path_factory.mktemp("handlers") / "data"), fsync=False)
    yield opened
    opened.close()


async def stay() -> Any:
    """Receive nothing: the client neither sends nor leaves."""
    await asyncio.Event().wait()


@pytest.fixture
def request_of(hub: HubContext, threads: Threads) -> Ask:
    """Return a factory of requests to a hub with the given settings."""

    def make(query: str = "", path: Any = None, settings: Any = None, **headers: str) -> Request:
        here = attrs.evolve(hub, settings=msgspec.structs.replace(hub.settings, **(settings or {})))
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("10.0.0.9", 1234),
            "path": "/api/x",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()],
            "path_params": path or {},
            "state": {"app": AppState(here, threads, DownloadCounter())},
        }
        return Request(scope, stay)

    return make
