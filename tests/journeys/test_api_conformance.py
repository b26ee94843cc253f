"""Generated requests to every described route: answers are as described, and none is an error of the server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import requests
from entrepot import server
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.running_apps import running

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
NAMES = {
    "namespace": "alice",
    "name": "thing",
    "account": "alice",
    "user": "bob",
    "num": "1",
    "owner": "alice",
}
TAILS = ("main", "main/README.md", "main...main", "v1", "refs/heads/main")

DESCRIPTION = Path(server.__file__).with_name("openapi.json")
OPERATIONS = [
    (method, path)
    for path, methods in json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"].items()
    for method in methods
]


@pytest.fixture(scope="module")
def schema() -> BaseSchema:
    return schemathesis.openapi.from_path(DESCRIPTION)


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("hub"), port=0), fsync=False)
    with contextlib.closing(hub), running(make_app(hub)) as address:
        for user in ("alice", "bob"):
            accounts.create_user(hub, user)
        secret = accounts.create_token(hub, "alice", role="write").secret
        yield f"http://{address.ip}:{address.port}", secret


@pytest.fixture(scope="module")
def session(hub_url: tuple[str, str]) -> Iterator[requests.Session]:
    """Connections that are kept from one request to the next."""
    with requests.Session() as made:
        made.trust_env = False
        made.headers["authorization"] = f"Bearer {hub_url[1]}"
        yield made


@pytest.fixture
def stocked(hub_url: tuple[str, str]) -> str:
    """Make what requests are about, as far as an earlier test removed it; return the address of the hub."""
    url, secret = hub_url
    with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {secret}"}) as client:
        for kind in ("model", "dataset", "space"):
            body = {"name": "thing", "type": kind, "sdk": "static"}
            if client.post("/api/repos/create", json=body).status_code == 200:
                client.post(f"/api/{kind}s/alice/thing/tag/main", json={"tag": "v1"})
                client.post(f"/api/{kind}s/alice/thing/discussions", json={"title": "A question", "description": "?"})
    return url


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_answers_are_as_described(
    schema: BaseSchema, session: requests.Session, stocked: str, method: str, path: str
) -> None:
    @settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Case) -> None:
        for name, value in (case.path_parameters or {}).items():
            known = TAILS[len(str(value)) % len(TAILS)] if name == "tail" else NAMES.get(name)
            case.path_parameters[name] = known or value
        response = case.call(base_url=stocked, session=session)
        case.validate_response(response, checks=CHECKS)

    # Built here, not while tests are collected: the requests of all routes take longer than all other tests together.
    build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=ask,
        given_kwargs={},
        feedback=FeedbackSources(),
    )()
