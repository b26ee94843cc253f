from __future__ import annotations

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    InvalidCredentials,
    LimitExceeded,
    Malformed,
    Refused,
    RepoDisabled,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.community import moderation
from entrepot.hub.files import lfs
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.repos import repo_rights, repositories
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.chunk_sender import Sender
from tests.support.worlds import World


def test_a_disabled_repository_is_closed_until_it_is_enabled(world: World) -> None:
    ref = world.repo()
    row = moderation.disable(world.hub, ref, " reported ")
    assert (row.is_disabled, moderation.reason_of(row)) == (True, "reported")
    for caller in (None, world.alice, world.bob):
        with pytest.raises(RepoDisabled):
            repo_rights.check_read(world.hub, caller, ref)
    repo_rights.check_read(world.hub, world.root, ref)
    row = moderation.enable(world.hub, ref)
    assert (row.is_disabled, moderation.reason_of(row)) == (False, None)
    repo_rights.check_read(world.hub, None, ref)


def test_settings_outlive_being_disabled(world: World) -> None:
    ref = world.repo()
    repositories.configure(world.hub, world.alice, ref, repositories.RepoChanges(options={"immutableTags": True}))
    moderation.disable(world.hub, ref, "reported")
    assert dict(moderation.enable(world.hub, ref).settings) == {"immutableTags": True}


def test_links_and_xet_tokens_issued_before_end_with_it(world: World, sender: Sender) -> None:
    ref = world.repo()
    sha256 = world.add_large(ref, "a.bin", b"large" * 1000)
    wanted = lfs.RequestedObject(sha256, 5000)
    [answer] = lfs.plan_downloads(world.hub, None, ref, [wanted])
    given = sender.give_read(ref)
    moderation.disable(world.hub, ref, "reported")
    assert isinstance(answer.link, SignedUrl)
    with pytest.raises(ThingNotFound):
        lfs.fetch(world.hub, sha256, answer.link.query)
    with pytest.raises(RepoDisabled):
        sender.give_read(ref)
    moderation.enable(world.hub, ref)
    lfs.fetch(world.hub, sha256, answer.link.query).close()
    assert sender.give_read(ref) == given


def test_a_xet_token_is_refused_while_its_repository_is_disabled(world: World) -> None:
    from entrepot.hub.files import xet_tokens

    ref = world.repo()
    issued = xet_tokens.issue_read(world.hub, world.alice, ref, None)
    moderation.disable(world.hub, ref, "reported")
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, issued.secret, issued.store)


def test_disabling_or_enabling_twice_is_refused(world: World) -> None:
    ref = world.repo()
    with pytest.raises(Refused, match="not disabled"):
        moderation.enable(world.hub, ref)
    moderation.disable(world.hub, ref, "reported")
    with pytest.raises(Refused, match="is disabled"):
        moderation.disable(world.hub, ref, "again")


@pytest.mark.parametrize(("reason", "error"), [("  ", Malformed), ("x" * 2001, LimitExceeded)])
def test_a_reason_is_required_and_has_a_maximum_length(world: World, reason: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        moderation.disable(world.hub, world.repo(), reason)


def test_an_absent_repository_is_not_disabled(world: World) -> None:
    with pytest.raises(RepoNotFound):
        moderation.disable(world.hub, RepoRef(RepoType.MODEL, RepoId("alice", "absent")), "reported")


def test_both_are_written_down(world: World) -> None:
    ref = world.repo()
    moderation.disable(world.hub, ref, "reported")
    moderation.enable(world.hub, ref)
    rows = audit.search(world.hub, AuditFilter(subject="model alice/m"))
    told = [(row.actor, row.action, row.details) for row in rows if row.action.startswith("repo.")]
    assert told[:2] == [
        (audit.CONSOLE, "repo.enable", "{}"),
        (audit.CONSOLE, "repo.disable", '{"reason":"reported"}'),
    ]
