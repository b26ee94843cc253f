from __future__ import annotations

import inspect
import re
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.routing import BaseRoute, Mount, Route

from entrepot.hub.context import open_hub
from entrepot.server import api_description
from entrepot.server import app as application
from entrepot.settings import Settings
from tests.support.served_hub import ServedHub

DESCRIPTION: dict[str, Any] = msgspec.json.decode(Path(api_description.__file__).with_name("openapi.json").read_bytes())
DESCRIBED = {(method.upper(), path) for path, operations in DESCRIPTION["paths"].items() for method in operations}
API = re.compile(r"/(api|oauth|-/viewer|-/readyz|healthz)(/|$)|/\{namespace\}/\{name\}\.git/info/lfs/")
"""Paths of the routes that are described: all but those of pages, git, Xet and single files."""


def patterns(routes: list[BaseRoute]) -> set[tuple[str, str]]:
    found = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= patterns(list(route.routes))
        elif isinstance(route, Route) and not refuses(route):
            found |= {(method, route.path.replace(":path}", "}")) for method in route.methods or () if method != "HEAD"}
    return found


def refuses(route: Route) -> bool:
    """Return whether a route refuses every request, as its type says."""
    return inspect.get_annotations(inspect.unwrap(route.endpoint)).get("return") == "NoReturn"


@pytest.fixture(scope="module")
def served() -> set[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder, closing(open_hub(Settings(data=Path(folder)))) as hub:
        return patterns(application.build_handlers(hub))


def test_every_structure_is_one_of_the_hub() -> None:
    """A handler that returns the base class of structures has no shape in the description."""
    assert "Struct" not in DESCRIPTION["components"]["schemas"]


def test_every_route_of_the_api_is_described_unless_it_refuses_every_request(served: set[tuple[str, str]]) -> None:
    missing = {
        (method, path)
        for method, path in served
        if API.match(path)
        and (method, path) not in DESCRIBED
        and (method, re.sub(r"^/api/(models|datasets|spaces)", "/api/{type}", path)) not in DESCRIBED
    }
    assert not missing, "run script/generate-openapi"


def test_responses_of_bytes_and_names_of_parameters_that_helpers_read_are_described() -> None:
    contents = DESCRIPTION["paths"]["/api/{type}/{namespace}/{name}/contents/{tail}"]["post"]
    assert contents["responses"]["200"]["content"] == {"application/vnd.entrepot.contents": {}}
    media = DESCRIPTION["paths"]["/-/viewer/assets"]["get"]
    assert {item["name"] for item in media["parameters"]} >= {"dataset", "config", "split", "row", "column", "part"}


def test_types_of_repositories_in_paths_are_enumerated() -> None:
    found = {
        path: item["schema"].get("enum")
        for path, operations in DESCRIPTION["paths"].items()
        for operation in operations.values()
        for item in operation["parameters"]
        if (item["in"], item["name"]) == ("path", "type")
    }
    assert found["/api/{type}"] == ["models", "datasets", "spaces"]
    assert found["/api/folders/{type}/{owner}/{name}"] == ["models", "datasets"]
    assert found["/api/admin/repos/{type}/{namespace}/{name}/disable"] == ["models", "datasets", "spaces", "buckets"]
    assert [path for path, types in found.items() if not types] == []


def test_nothing_is_described_that_is_not_served(served: set[tuple[str, str]]) -> None:
    gone = {
        (method, path)
        for method, path in DESCRIBED
        if (method, path) not in served and (method, path.replace("{type}", "models", 1)) not in served
    }
    assert not gone, "run script/generate-openapi"


def test_identifiers_are_unique_and_responses_have_shapes() -> None:
    operations = [operation for methods in DESCRIPTION["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] and operation["x-right"] for operation in operations)
    info = DESCRIPTION["paths"]["/api/whoami-v2"]["get"]
    shape = info["responses"]["200"]["content"]["application/json"]["schema"]
    assert shape == {"$ref": "#/components/schemas/WhoAmI"}
    assert "name" in DESCRIPTION["components"]["schemas"]["WhoAmI"]["properties"]
    assert info["security"] == [{"token": []}]


def test_it_is_served_to_everyone(world: ServedHub) -> None:
    response = httpx2.get(f"{world.url}/api/openapi.json")
    assert response.status_code == 200
    assert response.json() == DESCRIPTION


def test_operations_are_in_the_order_of_paths() -> None:
    found = api_description.operations()
    assert len(found) == len(DESCRIBED)
    assert ("GET", "/api/whoami-v2", "person") in {(item.method, item.path, item.right) for item in found}
