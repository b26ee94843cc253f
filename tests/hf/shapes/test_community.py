from __future__ import annotations

from entrepot.client.calls.access import AccessRequest, Asker
from entrepot.client.calls.collections import CollectionFacts, CollectionOwner, Item, ItemNote
from entrepot.client.calls.likes import Like, LikedRepo
from entrepot.client.calls.webhooks import Watched, Webhook
from entrepot.hf.shapes.community import collection_of, likes_of, request_of, webhook_of

WHEN = "2024-01-01T00:00:00.000Z"


def test_likes_by_type() -> None:
    found = likes_of("ann", [Like(LikedRepo("a/m", "model")), Like(LikedRepo("a/d", "dataset"))])
    assert (found.total, found.models, found.datasets, found.spaces, found.kernels) == (2, ["a/m"], ["a/d"], [], [])


def test_a_collection_and_its_position() -> None:
    facts = CollectionFacts(
        slug="ns/t-1",
        title="T",
        owner=CollectionOwner("ns"),
        items=[Item(uid="1", id="x", type="collection", slug="ns/u-2", note=ItemNote("n"))],
        last_updated=WHEN,
    )
    found = collection_of(facts, "http://hub", position=3)
    assert (found.position, found.url) == (3, "http://hub/collections/ns/t-1")
    assert (found.items[0].item_id, found.items[0].note) == ("ns/u-2", "n")


def test_an_access_request_of_a_deleted_user() -> None:
    found = request_of(AccessRequest(request_id="1", status="pending", timestamp=WHEN, user=Asker()))
    assert (found.username, found.fields, found.status) == (None, None, "pending")


def test_a_webhook_keeps_its_secret() -> None:
    found = webhook_of(Webhook(id="1", watched=[Watched("user", "ann")], domains=["repo"], secret="s3cret"))
    assert (found.secret, found.watched[0].name, found.disabled) == ("s3cret", "ann", False)
    assert "s3cret" not in repr(found)
