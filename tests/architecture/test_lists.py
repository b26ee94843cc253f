"""Every list that the API sends is in pages, or something bounds it: no answer grows with what is stored."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.hub.accounts import passkeys, sessions, tokens
from entrepot.hub.community import collection_items, discussion_rules
from entrepot.hub.comparisons import comparisons, metrics
from entrepot.hub.jobs import mirror_overviews, overviews
from entrepot.hub.repos import lineage, protections, storage_costs
from entrepot.hub.search import profiles, tags
from entrepot.hub.sso import publishers
from entrepot.hub.webhooks import webhooks
from entrepot.names import labels
from entrepot.server.hf.repos import trees

DESCRIPTION = pathlib.Path(__file__).parents[2] / "src/entrepot/server/openapi.json"
CURSORS = frozenset({"cursor", "after", "before", "p", "skip"})

BOUNDED: dict[str, object] = {
    "/api/admin/repos/{type}/{namespace}/{name}/protections": protections.MAX_PATTERNS,
    "/api/admin/gc": overviews.MAX_ITEMS,
    "/api/admin/health": "they are written in the code",
    "/api/admin/settings": "they are written in the code",
    "/api/admin/mirrors": mirror_overviews.MAX_SHOWN,
    "/api/admin/users/{account}": tokens.MAX_TOKENS,
    "/api/collections/{namespace}/{slug}": collection_items.MAX_ITEMS,
    "/api/collections/{uid}": collection_items.MAX_ITEMS,
    "/api/datasets-tags-by-type": tags.MAX_TAGS,
    "/api/models-tags-by-type": tags.MAX_TAGS,
    "/api/folders/{type}/{owner}/{name}": labels.MAX_LABELS,
    "/api/lineage": lineage.MAX_EDGES,
    "/api/{type}/{namespace}/{name}/lineage": lineage.MAX_EDGES,
    "/api/models/{namespace}/{name}/metrics": metrics.MAX_SERIES,
    "/api/models/{namespace}/{name}/safetensors-metadata/{tail}": "the headers of one model, which have a limit",
    "/api/settings/security": passkeys.MAX_PASSKEYS,
    "/api/settings/sessions": sessions.MAX_SESSIONS,
    "/api/settings/webhooks": webhooks.MAX_WEBHOOKS,
    "/api/settings/webhooks/{id}": webhooks.MAX_WATCHED,
    "/api/users/{account}/activity": "the days of a year",
    "/api/organizations/{account}/activity": "the days of a year",
    "/api/users/{account}/overview": profiles.MAX_ORGS,
    "/api/{type}/{namespace}/{name}/diff/{tail}": comparisons.MAX_FILES,
    "/api/{type}/{namespace}/{name}/find/{tail}": trees.MAX_FOUND,
    "/api/{type}/{namespace}/{name}/discussions/{num}": discussion_rules.MAX_EVENTS,
    "/api/{type}/{namespace}/{name}/storage": storage_costs.MAX_TOGETHER,
    "/api/{type}/{namespace}/{name}/trusted-publishers": publishers.MAX_PUBLISHERS,
    "/api/quicksearch": "the parameter limit",
    "/api/trending": "the parameter limit",
    "/api/agent-harnesses": "they are written in the code",
    "/api/spaces/hardware": "it is empty",
    "/api/spaces/templates": "it is empty",
    "/api/{type}/{namespace}/{name}/ask-access": "the size of a card",
    "/api/{type}/{namespace}/{name}/lookup/{tail}": "the size of a commit object",
    "/api/{type}/{namespace}/{name}/parquet": "the shards that a conversion may make",
    "/api/{type}/{namespace}/{name}/parquet/{tail}": "the shards that a conversion may make",
    # Stock clients need these at once: they follow no links there.
    "/api/datasets/{namespace}/{name}": "the files of one revision",
    "/api/models/{namespace}/{name}": "the files of one revision",
    "/api/spaces/{namespace}/{name}": "the files of one revision",
    "/api/{type}/{namespace}/{name}/revision/{tail}": "the files of one revision",
    "/api/{type}/{namespace}/{name}/downloads": "30 days",
    "/api/{type}/{namespace}/{name}/scan": "the files of one revision",
    "/api/{type}/{namespace}/{name}/refs": "the refs of one repository, as in git",
    "/api/whoami-v2": "the memberships of one user, which every request of theirs reads",
}
"""Answers with a list that is not in pages: the number that bounds it, or what does."""


def has_list(schema: object, schemas: dict[str, Any], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether values of a schema can contain a list at any depth."""
    if not isinstance(schema, dict):
        return False
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        return name not in seen and has_list(schemas[name], schemas, seen | {name})
    inner = [*schema.get("properties", {}).values(), schema.get("additionalProperties")]
    inner += [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
    return schema.get("type") == "array" or any(has_list(each, schemas, seen) for each in inner)


def unpaged(description: dict[str, Any]) -> Iterator[str]:
    """Yield the paths whose answers to GET contain a list, and that take no cursor."""
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        operation = methods.get("get", {})
        answers = operation.get("responses", {}).get("200", {}).get("content", {}).values()
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        if not names & CURSORS and any(has_list(answer.get("schema"), schemas) for answer in answers):
            yield path


def test_every_list_is_in_pages_or_bounded() -> None:
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    assert sorted(unpaged(description)) == sorted(BOUNDED)


@pytest.mark.parametrize("bound", sorted({bound for bound in BOUNDED.values() if isinstance(bound, int)}))
def test_the_bounds_are_small(bound: int) -> None:
    assert 0 < bound <= 10_000


@pytest.mark.parametrize(
    ("parameters", "expected"), [([], ["/all"]), ([{"name": "limit"}], ["/all"]), ([{"name": "cursor"}], [])]
)
def test_a_list_without_pages_is_found(parameters: list[dict[str, str]], expected: list[str]) -> None:
    shape = {"type": "object", "properties": {"items": {"anyOf": [{"type": "null"}, {"$ref": "#/x/Items"}]}}}
    schemas = {"Items": {"type": "array", "items": {"$ref": "#/x/Items"}}}
    answers = {"200": {"content": {"application/json": {"schema": shape}}}}
    operation = {"get": {"parameters": parameters, "responses": answers}}
    assert list(unpaged({"components": {"schemas": schemas}, "paths": {"/all": operation}})) == expected
