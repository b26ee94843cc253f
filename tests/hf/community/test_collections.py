"""Both clients read the same prepared responses, whose shapes are those of docs/protocols/hf_api.md, section 1B.3."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import Conflict, NotFound
from entrepot.hf.api import HubApi
from tests.support.scripted_hub import Reply, ScriptedHub

SLUG = "ns/best-65f000000000000000000001"
ROOT = f"/api/collections/{SLUG}"
ITEMS = [
    {"_id": "65f1", "id": "ns/m", "type": "model", "position": 0, "note": {"text": "good", "html": "<p>good</p>"}},
    {"_id": "65f2", "id": "65f9", "type": "collection", "position": 1, "slug": "ns/other-65f000000000000000000009"},
]
BODY: dict[str, Any] = {
    "slug": SLUG,
    "title": "Best",
    "owner": {"name": "ns", "type": "user"},
    "items": ITEMS,
    "lastUpdated": "2024-01-01T00:00:00.000Z",
    "position": 4,
    "private": False,
    "theme": "orange",
    "upvotes": 2,
    "isUpvotedByUser": False,
    "gating": False,
}
LISTED = {key: value for key, value in BODY.items() if key != "position"}


@pytest.fixture
def api(scripted_hub: ScriptedHub, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    return HubApi(scripted_hub.url, token="hf_sometoken")


@pytest.fixture
def theirs(scripted_hub: ScriptedHub) -> Oracle:
    return Oracle(scripted_hub.url, token="hf_sometoken")


def same(mine: Any, theirs: Any) -> bool:
    names = ["slug", "title", "last_updated", "position", "private", "theme", "upvotes", "description"]
    assert {name: getattr(mine, name) for name in names} == {name: getattr(theirs, name) for name in names}
    assert [vars(item) for item in mine.items] == [vars(item) for item in theirs.items]
    return True


def test_a_collection_equals_that_of_huggingface_hub(
    scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, theirs: Oracle
) -> None:
    scripted_hub.on("GET", ROOT, reply(BODY))
    mine = api.get_collection(SLUG)
    assert same(mine, theirs.get_collection(SLUG))
    assert (mine.owner, mine.url) == ("ns", f"{scripted_hub.url}/collections/{SLUG}")
    assert mine.items[1].item_id == "ns/other-65f000000000000000000009"


def test_a_list_numbers_collections(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, theirs: Oracle) -> None:
    scripted_hub.on("GET", "/api/collections", reply([LISTED, LISTED, LISTED]))
    mine = list(api.list_collections(owner="ns", item=["models/ns/m"], sort="upvotes", limit=2))
    others = list(theirs.list_collections(owner="ns", item=["models/ns/m"], sort="upvotes", limit=2))
    assert [one.position for one in mine] == [0, 1]
    assert all(same(one, other) for one, other in zip(mine, others, strict=True))
    assert scripted_hub.seen[0].query == scripted_hub.seen[1].query


def test_a_collection_is_created_once(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    taken = reply({"error": "it exists", "slug": SLUG}, 409)
    scripted_hub.on("POST", "/api/collections", reply(BODY), taken)
    scripted_hub.on("GET", ROOT, reply(BODY))
    assert api.create_collection("Best", namespace="ns", private=True).slug == SLUG
    assert scripted_hub.seen[0].json == {"title": "Best", "namespace": "ns", "private": True}
    assert api.create_collection("Best", namespace="ns", exists_ok=True).slug == SLUG
    with pytest.raises(Conflict):
        api.create_collection("Best", namespace="ns")


def test_a_collection_is_updated_and_deleted(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("PATCH", ROOT, reply({"success": True, "data": BODY}))
    assert api.update_collection_metadata(SLUG, title="New", position=0).title == "Best"
    assert scripted_hub.seen[0].json == {"title": "New", "position": 0}
    scripted_hub.on("DELETE", ROOT, reply("OK"), reply({"error": "gone"}, 404))
    api.delete_collection(SLUG)
    api.delete_collection(SLUG, missing_ok=True)
    with pytest.raises(NotFound, match="gone"):
        api.delete_collection(SLUG)


def test_items_are_added_and_removed(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("POST", f"{ROOT}/items", reply(BODY), reply({"error": "it is there"}, 409))
    scripted_hub.on("GET", ROOT, reply(BODY))
    assert len(api.add_collection_item(SLUG, "ns/m", "model", note="good").items) == 2
    assert scripted_hub.seen[0].json == {"item": {"id": "ns/m", "type": "model"}, "note": "good"}
    assert len(api.add_collection_item(SLUG, "ns/m", "model", exists_ok=True).items) == 2
    with pytest.raises(Conflict):
        api.add_collection_item(SLUG, "ns/m", "model")
    scripted_hub.on("PATCH", f"{ROOT}/items/65f1", reply({}))
    api.update_collection_item(SLUG, "65f1", note="", position=3)
    assert scripted_hub.seen[-1].json == {"note": "", "position": 3}
    scripted_hub.on("DELETE", f"{ROOT}/items/65f1", reply("OK"), reply({"error": "gone"}, 404))
    api.delete_collection_item(SLUG, "65f1")
    api.delete_collection_item(SLUG, "65f1", missing_ok=True)
    with pytest.raises(NotFound):
        api.delete_collection_item(SLUG, "65f1")
