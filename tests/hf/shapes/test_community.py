from __future__ import annotations

from entrepot.hf.shapes.community import collection_of, likes_of, request_of, webhook_of
from entrepot.wire.community.access_requests import AccessRequestInfo, Requester
from entrepot.wire.community.collections import CollectionInfo, CollectionItemInfo, CollectionOwner, Note
from entrepot.wire.community.likes import LikedRepo, LikeInfo
from entrepot.wire.webhooks import WatchedSubject, WebhookInfo

WHEN = "2024-01-01T00:00:00.000Z"


def test_likes_by_type() -> None:
    found = likes_of("ann", [LikeInfo(repo=LikedRepo("a/m", "model")), LikeInfo(repo=LikedRepo("a/d", "dataset"))])
    assert (found.total, found.models, found.datasets, found.spaces, found.kernels) == (2, ["a/m"], ["a/d"], [], [])


def test_a_collection_and_its_position() -> None:
    facts = CollectionInfo(
        slug="ns/t-1",
        title="T",
        owner=CollectionOwner(name="ns"),
        items=[CollectionItemInfo(uid="1", id="x", type="collection", slug="ns/u-2", note=Note("n"))],
        last_updated=WHEN,
    )
    found = collection_of(facts, "http://hub", position=3)
    assert (found.position, found.url) == (3, "http://hub/collections/ns/t-1")
    assert (found.items[0].item_id, found.items[0].note) == ("ns/u-2", "n")


def test_an_access_request_of_a_deleted_user() -> None:
    found = request_of(AccessRequestInfo(request_id="1", status="pending", timestamp=WHEN, user=Requester()))
    assert (found.username, found.fields, found.status) == (None, None, "pending")


def test_a_webhook_keeps_its_secret() -> None:
    found = webhook_of(WebhookInfo(id="1", watched=[WatchedSubject("user", "ann")], domains=["repo"], secret="s3cret"))
    assert (found.secret, found.watched[0].name, found.disabled) == ("s3cret", "ann", False)
    assert "s3cret" not in repr(found)
