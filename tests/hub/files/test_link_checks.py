from __future__ import annotations

from collections.abc import Callable

import attrs
import msgspec
import pytest

from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddLarge, Copy
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, Sha256
from entrepot.xet import Xorb
from tests.support.chunk_sender import Sender

P = RepoPath("w")


@pytest.fixture
def sender(make_sender: Callable[..., Sender]) -> Sender:
    """A hub that shared all chunks when its links were made."""
    return make_sender(dedup_scope="hub")


def under(hub: HubContext, scope: str) -> HubContext:
    return attrs.evolve(hub, settings=msgspec.structs.replace(hub.settings, dedup_scope=scope))


def unproven(sender: Sender, scope: str = "readable") -> list[str]:
    found = list(maintenance.fsck(under(sender.world.hub, scope)))
    assert not any(finding.is_damage for finding in found)
    return [finding.where for finding in found if finding.kind == "unproven"]


def take(sender: Sender, ref: RepoRef, xorb: Xorb, start: int, end: int) -> None:
    """Commit chunks of a xorb without having sent it, as a hub with the widest ``dedup_scope`` allows."""
    sha256 = Sha256(f"{start:032x}{end:032x}")
    sender.register(sender.give(ref), [sender.block([(xorb, start, end)], sha256)])
    sender.world.commit(ref, AddLarge(P, sha256, None))


def test_a_link_to_chunks_that_were_never_proven_is_found(sender: Sender) -> None:
    world, pieces = sender.world, sender.chunks("secret")
    sender.add(world.repo("alice/secret", visibility="private"), "w", pieces)
    sender.add(world.repo("bob/own"), "w", sender.chunks("own"))
    thief = world.repo("bob/thief")
    take(sender, thief, sender.xorb(pieces), 1, 3)
    assert unproven(sender) == unproven(sender, "namespace") == ["model bob/thief w"]
    assert unproven(sender, "hub") == []
    [finding] = [one for one in maintenance.fsck(under(world.hub, "readable")) if one.kind == "unproven"]
    assert "model alice/secret" in finding.what


def test_proven_links_are_no_finding(sender: Sender) -> None:
    """Sent, read in the own repository, forked and copied, although the source is private now."""
    world, pieces = sender.world, sender.chunks("public")
    source = world.repo("alice/source")
    sender.add(source, "w", pieces)
    take(sender, world.repo("alice/second"), sender.xorb(pieces), 0, 2)
    take(sender, world.repo("bob/reader"), sender.xorb(pieces), 0, 3)
    sent = world.repo("bob/sent")
    sender.send(sender.give(sent), sender.xorb(pieces))
    take(sender, sent, sender.xorb(pieces), 1, 3)
    repositories.duplicate(world.hub, world.bob, source, RepoId("bob", "fork"), None)
    world.commit(world.repo("zed/copy"), Copy(P, P, repo=source, revision="main"))
    repositories.configure(world.hub, world.alice, source, RepoChanges(visibility="private"))
    assert unproven(sender) == []


def test_the_first_to_have_chunks_is_no_finding(sender: Sender) -> None:
    world, pieces = sender.world, sender.chunks("first")
    sender.add(world.repo("alice/first", visibility="private"), "w", pieces)
    with world.hub.write() as tx:  # as before anything was recorded
        tx.sql.exec_driver_sql("UPDATE file_links SET is_proven = false")
        tx.sql.exec_driver_sql("DELETE FROM xorb_uploads")
    assert unproven(sender) == []
