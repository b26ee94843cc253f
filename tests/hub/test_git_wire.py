from __future__ import annotations

import subprocess
from typing import Any

import pytest

from entrepot.errors import GatedRepo, RepoNotFound
from entrepot.hub import git_wire, upkeep
from entrepot.hub.git_wire import Errand


def told(errand: Errand) -> bytes:
    """What the program of an errand prints."""
    done = subprocess.run(errand.argv, env=dict(errand.environ), capture_output=True)
    errand.release()
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_refs_are_advertised_with_the_ids_of_the_hub(world: Any) -> None:
    ref = world.repo()
    commit = world.add(ref, "a.txt")
    assert f"{commit} HEAD".encode() in told(git_wire.advertise_uploads(world.hub, None, ref, ""))


def test_a_protocol_version_is_passed_on_and_nonsense_is_not(world: Any) -> None:
    ref = world.repo()
    assert b"version 2" in told(git_wire.advertise_uploads(world.hub, None, ref, "version=2"))
    assert b"version 2" not in told(git_wire.advertise_uploads(world.hub, None, ref, "version=2\nX"))


def test_the_content_of_private_and_gated_repositories_stays_theirs(world: Any) -> None:
    private = world.repo("alice/p", visibility="private")
    with pytest.raises(RepoNotFound) as caught:
        git_wire.advertise_uploads(world.hub, None, private, "")
    assert caught.value.anonymous
    with pytest.raises(RepoNotFound):
        git_wire.serve_uploads(world.hub, world.bob, private, "")
    gated = world.repo("alice/g")
    with world.hub.write() as tx:
        from entrepot.catalog import repos

        repos.update(tx, world.row_id(gated), gated="auto")
    with pytest.raises(GatedRepo):
        git_wire.serve_uploads(world.hub, world.bob, gated, "")
    git_wire.serve_uploads(world.hub, world.alice, gated, "").release()


def test_a_mirror_goes_when_git_complains_about_it_and_stays_otherwise(world: Any) -> None:
    ref = world.repo()
    errand = git_wire.advertise_uploads(world.hub, None, ref, "")
    errand.release()
    folder = world.hub.settings.data / "cache" / "git" / errand.uid
    git_wire.judge(world.hub, errand, b"fatal: git upload-pack: not our ref 0123")
    assert folder.exists()
    git_wire.judge(world.hub, errand, b"fatal: pack is corrupted")
    assert not folder.exists()


def test_what_gc_swept_is_not_served_any_more(world: Any) -> None:
    ref = world.repo()
    kept = world.head(ref)
    world.add(ref, "secret.txt", b"secret\n")
    errand = git_wire.advertise_uploads(world.hub, None, ref, "")
    errand.release()
    with world.hub.write() as tx:
        from entrepot.catalog import refs
        from entrepot.names import MAIN

        assert refs.swap(tx, world.row_id(ref), MAIN, world.head(ref), kept, 1)
    world.clock.advance(1000)
    list(upkeep.gc(world.hub, grace_ms=0))
    assert not (world.hub.settings.data / "cache" / "git" / errand.uid).exists()


def test_the_reason_of_a_failure_is_one_line() -> None:
    assert git_wire.reason(b"remote: x\nfatal: no \x1b[31mroom\n") == "no \\x1b[31mroom"


def test_a_large_mirror_is_repacked_by_the_worker(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from entrepot.hub import followups
    from entrepot.storage import mirrors

    monkeypatch.setattr(mirrors, "LARGE_INDEX", 100)
    ref = world.repo()
    errand = git_wire.serve_uploads(world.hub, None, ref, "")
    errand.release()
    while outcome := followups.run_next(world.hub, "tester"):
        assert outcome.error is None
    folder = world.hub.settings.data / "cache" / "git" / errand.uid / "objects" / "pack"
    assert len(list(folder.glob("*.bitmap"))) == 1
