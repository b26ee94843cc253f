from __future__ import annotations

import hashlib

import pytest

from entrepot.errors import InvalidSignature
from entrepot.hub.files import lfs, lfs_links
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.names import Sha256
from tests.support.worlds import World

DATA = b"weights" * 1000
SHA256 = Sha256(hashlib.sha256(DATA).hexdigest())


def link_to(world: World) -> SignedUrl:
    """Return the link for an upload of the data."""
    wanted = RequestedObject(SHA256, len(DATA))
    [answer] = lfs.plan_uploads(world.hub, world.alice, world.repo(), [wanted], takes_parts=False)
    assert isinstance(answer.link, SignedUrl)
    return answer.link


@pytest.mark.parametrize("field", ["repo", "user", "oid", "size", "exp", "sig"])
@pytest.mark.parametrize("change", ["alter", "drop"])
def test_an_altered_upload_link_is_refused(world: World, field: str, change: str) -> None:
    link = link_to(world)
    query = dict(link.query)
    if change == "drop":
        del query[field]
    else:
        query[field] = {"oid": "0" * 64}.get(field, f"{query[field]}1")
    with pytest.raises(InvalidSignature):
        lfs.receive(world.hub, SHA256, query)


def test_a_link_is_good_for_its_own_file_and_purpose_only(world: World) -> None:
    link = link_to(world)
    with pytest.raises(InvalidSignature):
        lfs.receive(world.hub, "0" * 64, link.query)
    with pytest.raises(InvalidSignature):
        lfs.fetch(world.hub, SHA256, link.query)
    with pytest.raises(InvalidSignature):
        lfs.receive(world.hub, SHA256, dict(link.query) | {"extra": "1"})


def test_a_link_expires(world: World) -> None:
    link = link_to(world)
    world.clock.now_ms = link.expires_ms
    lfs.receive(world.hub, SHA256, link.query).discard()
    world.clock.advance(1000)
    with pytest.raises(InvalidSignature):
        lfs.receive(world.hub, SHA256, link.query)


def test_a_link_lives_as_long_as_the_setting_says(world: World) -> None:
    lifetime_ms = world.hub.settings.url_lifetime_s * 1000
    assert link_to(world).expires_ms == world.clock.now_ms // 1000 * 1000 + lifetime_ms


@pytest.mark.parametrize("left", ["oid", "repo"])
def test_a_signed_text_that_names_no_object_is_no_link(world: World, left: str) -> None:
    signed = lfs_links.sign(world.hub, "upload", "/x", {left: str(SHA256)})
    with pytest.raises(InvalidSignature, match="names no object"):
        lfs_links.check(world.hub, "upload", "/x", signed.query)
