from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from entrepot.client.calls import Call, Response, collections

SLUG = "ns/best-models-65f000000000000000000001"
ROOT = f"/api/collections/{SLUG}"
BODY = (
    b'{"slug":"%b","title":"Best","owner":{"name":"ns","type":"user"},"items":[{"_id":"65f0","id":"ns/m","type":"model",'
    b'"position":0,"note":{"text":"good","html":"<p>good</p>"}}],"lastUpdated":"2024-01-01T00:00:00.000Z",'
    b'"private":false,"theme":"orange","upvotes":2,"description":null}' % SLUG.encode()
)


def read(call: Call[Any], body: bytes) -> Any:
    return call.read(Response(200, {}, body, "http://hub/x"))


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (collections.get(SLUG), "GET", ROOT, None),
        (collections.delete(SLUG), "DELETE", ROOT, None),
        (
            collections.create("T", "ns", description="d", private=True),
            "POST",
            "/api/collections",
            b'{"title":"T","namespace":"ns","description":"d","private":true}',
        ),
        (collections.change(SLUG, position=3, private=False), "PATCH", ROOT, b'{"position":3,"private":false}'),
        (
            collections.add_item(SLUG, "ns/m", "model", note="n"),
            "POST",
            f"{ROOT}/items",
            b'{"item":{"id":"ns/m","type":"model"},"note":"n"}',
        ),
        (collections.change_item(SLUG, "65f0", note=""), "PATCH", f"{ROOT}/items/65f0", b'{"note":""}'),
        (collections.remove_item(SLUG, "65f0"), "DELETE", f"{ROOT}/items/65f0", None),
    ],
)
def test_calls_about_collections_are_sent(call: Call[Any], method: str, path: str, body: bytes | None) -> None:
    assert (call.method, call.path, call.body) == (method, path, body)


def test_a_list_is_of_owners_and_items() -> None:
    call = collections.page(owners=["a", "b"], items=["models/ns/m"], sort="upvotes", limit=2)
    assert call.query == (("owner", "a"), ("owner", "b"), ("item", "models/ns/m"), ("sort", "upvotes"), ("limit", "2"))
    assert [found.slug for found in read(call, b"[%b]" % BODY).items] == [SLUG]


def test_a_collection_is_read() -> None:
    found = read(collections.get(SLUG), BODY)
    assert (found.owner.name, found.position, found.description, found.upvotes) == ("ns", UNSET, UNSET, 2)
    [item] = found.items
    assert (item.uid, item.id, item.type, item.note.text) == ("65f0", "ns/m", "model", "good")


def test_a_change_answers_with_the_collection() -> None:
    assert read(collections.change(SLUG, title="T"), b'{"success":true,"data":%b}' % BODY).slug == SLUG
