from __future__ import annotations

from typing import Any

import pytest

from entrepot.blobs import put
from entrepot.catalog.files import attachments as rows
from entrepot.catalog.files.attachments import Attachment
from entrepot.errors import LimitExceeded, LoginRequired, Malformed, NotAllowed, ThingNotFound
from entrepot.hub.files import attachments
from entrepot.hub.jobs import maintenance
from tests.support.worlds import World

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 50


def test_an_image_is_given_back_and_survives_the_sweeper(world: World) -> None:
    kept = attachments.add(world.hub, world.bob, PNG)
    assert (kept.media_type, kept.size) == ("image/png", len(PNG))
    world.clock.advance(10**10)
    assert [item for item in maintenance.gc(world.hub, grace_ms=0) if item.kind == "file"] == []
    assert list(maintenance.fsck(world.hub)) == []
    found = attachments.find(world.hub, kept.uid)
    assert found.content.read_at(0, 1000) == PNG
    found.content.close()


def test_the_same_image_twice_is_stored_once(world: World) -> None:
    one, two = (attachments.add(world.hub, who, PNG) for who in (world.bob, world.alice))
    assert one.uid != two.uid
    assert one.sha256 == two.sha256


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0abc", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_images_are_known_by_their_first_bytes(data: bytes, kind: str) -> None:
    assert attachments.sniff_type(data) == kind


@pytest.mark.parametrize("data", [b"", b"<svg xmlns='x'><script/></svg>", b"<html>", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7"])
def test_content_that_could_contain_scripts_is_not_an_image(data: bytes) -> None:
    with pytest.raises(Malformed, match="PNG, JPEG, GIF or WebP"):
        attachments.sniff_type(data)


def test_there_are_limits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_OF_ACCOUNT", 100)
    attachments.add(world.hub, world.bob, PNG)
    with pytest.raises(LimitExceeded, match="bob"):
        attachments.add(world.hub, world.bob, PNG)
    with pytest.raises(LimitExceeded):
        attachments.add(world.hub, world.alice, PNG + b"x" * attachments.MAX_IMAGE)


def test_images_that_arrive_together_exceed_no_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_OF_ACCOUNT", 100)
    arrived = list[Attachment]()

    def put_second(*args: Any) -> None:
        put(*args)
        if not arrived:
            monkeypatch.setattr(attachments, "put", put)
            arrived.append(attachments.add(world.hub, world.bob, PNG + b"y"))

    monkeypatch.setattr(attachments, "put", put_second)
    with pytest.raises(LimitExceeded, match="bob"):
        attachments.add(world.hub, world.bob, PNG)
    with world.hub.read() as tx:
        assert rows.bytes_of(tx, world.bob.account.id) == arrived[0].size


def test_only_who_may_take_part_sends_images(world: World) -> None:
    with pytest.raises(LoginRequired):
        attachments.add(world.hub, None, PNG)
    with pytest.raises(NotAllowed):
        attachments.add(world.hub, world.caller("bob", "read"), PNG)
    with pytest.raises(ThingNotFound):
        attachments.find(world.hub, "0" * 24)
