from __future__ import annotations

import msgspec

from entrepot.wire.community.collections import (
    CollectionInfo,
    CollectionItemInfo,
    ItemAction,
    ItemChanges,
    NewCollection,
    Note,
)


def test_an_item_shows_what_it_has_and_always_its_place() -> None:
    item = CollectionItemInfo(uid="ab", id="alice/m", type="model", position=0)
    assert msgspec.json.encode(item) == b'{"_id":"ab","id":"alice/m","type":"model","position":0}'


def test_a_note_is_told_as_text_and_as_html() -> None:
    item = CollectionItemInfo(uid="ab", id="1", type="paper", position=1, note=Note("<", "&lt;"))
    assert b'"note":{"text":"<","html":"&lt;"}' in msgspec.json.encode(item)


def test_a_new_collection_needs_only_a_title() -> None:
    assert msgspec.json.decode(b'{"title":"x"}', type=NewCollection) == NewCollection(title="x")


def test_a_line_of_a_batch_reads() -> None:
    line = msgspec.json.decode(b'{"action":"update","_id":"a","data":{"position":2}}', type=ItemAction)
    assert line == ItemAction(action="update", uid="a", data=ItemChanges(position=2))


def test_a_collection_of_a_hub_that_says_less() -> None:
    text = (
        b'{"slug":"s","title":"t","owner":{"name":"o"},"items":[{"_id":"1","id":"x","type":"paper"}],"lastUpdated":"w"}'
    )
    found = msgspec.json.decode(text, type=CollectionInfo)
    assert (found.private, found.upvotes, found.position, found.items[0].position) == (False, 0, msgspec.UNSET, 0)
