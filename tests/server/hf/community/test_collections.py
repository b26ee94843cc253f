from __future__ import annotations

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from entrepot.names import RepoType
from tests.support.site import Site


def test_todays_client_keeps_collections(site: Site) -> None:
    api, model, data = site.api(), site.new_repo(), site.new_repo(RepoType.DATASET)
    made = api.create_collection("Good things", description="The best", namespace="alice")
    assert (made.title, made.description, made.owner["name"], made.private) == (
        "Good things",
        "The best",
        "alice",
        False,
    )
    assert api.create_collection("Good things", exists_ok=True).slug == made.slug
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_collection("Good things")
    api.add_collection_item(made.slug, model, "model", note="**look**")
    api.add_collection_item(made.slug, data, "dataset")
    api.add_collection_item(made.slug, "2307.09288", "paper")
    again = api.add_collection_item(made.slug, model, "model", exists_ok=True)
    assert [(item.item_id, item.item_type, item.position) for item in again.items] == [
        (model, "model", 0), (data, "dataset", 1), ("2307.09288", "paper", 2)
    ]  # fmt: skip
    assert again.items[0].note == "**look**"
    api.update_collection_item(made.slug, again.items[2].item_object_id, position=0, note="Llama")
    api.delete_collection_item(made.slug, again.items[1].item_object_id)
    api.delete_collection_item(made.slug, again.items[1].item_object_id, missing_ok=True)
    assert [item.item_id for item in api.get_collection(made.slug).items] == ["2307.09288", model]
    changed = api.update_collection_metadata(made.slug, title="Better things", private=True, theme="green")
    assert (changed.title, changed.private, changed.theme) == ("Better things", True, "green")
    assert changed.slug.startswith("alice/better-things-")
    assert made.slug.rpartition("-")[2] == changed.slug.rpartition("-")[2]
    api.delete_collection(changed.slug)
    api.delete_collection(changed.slug, missing_ok=True)
    with pytest.raises(HfHubHTTPError, match="404"):
        api.get_collection(changed.slug)


def test_todays_client_lists_them(site: Site) -> None:
    api, model = site.api(), site.new_repo()
    for title in ("One", "Two"):
        api.add_collection_item(api.create_collection(title).slug, model, "model")
    assert {item.title for item in api.list_collections(item=f"models/{model}")} == {"One", "Two"}
    assert [item.position for item in api.list_collections(owner="alice", limit=1)] == [0]
    assert list(api.list_collections(owner="bob", item=f"models/{model}")) == []


def test_a_collection_in_a_collection_has_its_slug(site: Site) -> None:
    api = site.api()
    inner, outer = api.create_collection("Inner"), api.create_collection("Outer")
    found = api.add_collection_item(outer.slug, inner.slug, "collection")
    assert found.items[0].item_id == inner.slug


def test_a_description_that_is_not_there_is_absent(alice: httpx2.Client) -> None:
    made = alice.post("/api/collections", json={"title": "Plain", "namespace": "alice", "private": False}).json()
    assert "description" not in made
    page = alice.get("/api/collections?owner=alice&limit=1")
    assert "position" not in page.json()[0]
    assert "next" in page.links


def test_votes_and_batches(alice: httpx2.Client, stranger: httpx2.Client) -> None:
    slug = alice.post("/api/collections", json={"title": "Voted", "namespace": "alice"}).json()["slug"]
    assert stranger.post(f"/api/collections/{slug}/upvote").json()["upvotes"] == 1
    assert stranger.get(f"/api/collections/{slug}").json()["isUpvotedByUser"]
    assert stranger.delete(f"/api/collections/{slug}/upvote").json()["upvotes"] == 0
    item = alice.post(f"/api/collections/{slug}/items", json={"item": {"type": "paper", "id": "1"}}).json()["items"][0]
    line = {"action": "update", "_id": item["_id"], "data": {"note": "<b>x</b>"}}
    assert alice.post(f"/api/collections/{slug}/items/batch", json=[line]).status_code == 200
    note = alice.get(f"/api/collections/{slug}").json()["items"][0]["note"]
    assert note == {"text": "<b>x</b>", "html": "&lt;b&gt;x&lt;/b&gt;"}
    assert alice.post(f"/api/collections/{slug}/items/batch", json=[line | {"action": "burn"}]).status_code == 400
    refused = alice.post(f"/api/collections/{slug}/items/batch", json=[line] * 101)
    assert refused.status_code == 413
    assert "the number of actions in one batch" in refused.json()["error"]


def test_strangers_change_nothing(alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client) -> None:
    slug = alice.post("/api/collections", json={"title": "Mine", "namespace": "alice"}).json()["slug"]
    assert stranger.delete(f"/api/collections/{slug}").status_code == 403
    assert anonymous.delete(f"/api/collections/{slug}").status_code == 401
    assert stranger.post("/api/collections", json={"title": "x", "namespace": "alice"}).status_code == 403


def test_the_id_at_the_end_of_a_slug_is_enough(site: Site, alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    made = alice.post("/api/collections", json={"title": "By id", "namespace": "alice", "private": True}).json()
    uid, repo = made["slug"][-24:], site.new_repo()
    assert alice.get(f"/api/collections/{uid}").json()["slug"] == made["slug"]
    assert anonymous.get(f"/api/collections/{uid}").status_code == 404
    assert anonymous.get(f"/api/collections/{'f' * 24}").status_code == 404
    added = alice.post(f"/api/collections/{uid}/items", json={"item": {"type": "model", "id": repo}})
    assert added.status_code == 200
    item = added.json()["items"][0]["_id"]
    assert alice.patch(f"/api/collections/{uid}/items/{item}", json={"note": "n"}).status_code == 200
    assert alice.delete(f"/api/collections/{uid}/items/{item}").status_code == 200
    assert alice.patch(f"/api/collections/{uid}", json={"title": "Other"}).status_code == 200
    assert alice.get(f"/api/collections/other/{uid}").status_code == 404
    assert alice.delete(f"/api/collections/{uid}").status_code == 200
