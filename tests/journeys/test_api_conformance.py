"""Generated requests to every described route: answers are as described, and none is an error of the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from entrepot import server
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.server.hosting import running
from entrepot.settings import Settings

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
NAMES = {
    "namespace": "alice",
    "name": "thing",
    "account": "alice",
    "user": "bob",
    "types": "models",
    "num": "1",
    "kind": "user",
    "owner": "alice",
}
TAILS = ("main", "main/README.md", "main...main", "v1", "refs/heads/main")

schema = schemathesis.openapi.from_path(Path(server.__file__).with_name("openapi.json"))


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("hub"), port=0), fsync=False)
    with contextlib.closing(hub), running(make_app(hub)) as address:
        for user in ("alice", "bob"):
            accounts.create_user(hub, user)
        secret = accounts.create_token(hub, "alice", role="write").secret
        yield f"http://{address.ip}:{address.port}", secret


@pytest.fixture
def stocked(hub_url: tuple[str, str]) -> tuple[str, dict[str, str]]:
    """Make what requests are about, as far as an earlier test removed it."""
    url, secret = hub_url
    headers = {"authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=url, headers=headers) as client:
        for kind in ("model", "dataset", "space"):
            body = {"name": "thing", "type": kind, "sdk": "static"}
            if client.post("/api/repos/create", json=body).status_code == 200:
                client.post(f"/api/{kind}s/alice/thing/tag/main", json={"tag": "v1"})
                client.post(f"/api/{kind}s/alice/thing/discussions", json={"title": "A question", "description": "?"})
    return url, headers


@schema.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: Case, stocked: tuple[str, dict[str, str]]) -> None:
    url, headers = stocked
    for name, value in (case.path_parameters or {}).items():
        known = TAILS[len(str(value)) % len(TAILS)] if name == "tail" else NAMES.get(name)
        case.path_parameters[name] = known or value
    response = case.call(base_url=url, headers=headers)
    case.validate_response(response, checks=CHECKS)
