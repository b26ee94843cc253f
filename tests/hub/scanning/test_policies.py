from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.catalog.repos import repositories
from entrepot.errors import NotAllowed, Refused
from entrepot.git import Mode
from entrepot.hub.repos import branches
from entrepot.hub.repos.pulls import openings
from entrepot.hub.scanning import policies, scan_jobs
from entrepot.names import RepoRef
from tests.hub.scanning.conftest import HOSTILE, ODD, SCANNER, scan
from tests.support.worlds import World


@pytest.fixture
def refusing(make_world: Callable[..., World]) -> World:
    return make_world(scanning="refuse")


@pytest.fixture
def ref(refusing: World) -> RepoRef:
    return refusing.repo("alice/m")


def test_a_commit_that_adds_an_unsafe_file_is_refused(refusing: World, ref: RepoRef) -> None:
    head = refusing.add(ref, "a.pkl", b"N.")
    with pytest.raises(Refused, match=r"b/m\.pkl.*can run commands"):
        refusing.add(ref, "b/m.pkl", HOSTILE)
    with pytest.raises(Refused, match=r"large\.bin"):
        refusing.add_large(ref, "large.bin", HOSTILE + bytes(100_000))
    assert refusing.head(ref) == head
    refusing.add(ref, "odd.pkl", ODD)  # suspicious only
    refusing.add(ref, "notes.txt", HOSTILE)  # no scanner reads such files
    assert [path for path in refusing.paths(ref) if path[0] != "."] == ["a.pkl", "notes.txt", "odd.pkl"]


def test_a_command_counts_too(make_world: Callable[..., World], tmp_path: Path) -> None:
    program = tmp_path / "scanner.py"
    program.write_text(SCANNER)
    world = make_world(scanning="refuse", scan_command=(sys.executable, str(program)))
    ref = world.repo("alice/m")
    with pytest.raises(Refused, match="read 9 bytes"):
        world.add(ref, "README.txt", b"EICAR ...")
    assert world.add(ref, "README.txt", b"fine")


def test_what_cannot_be_judged_in_time_is_accepted_and_hidden_later(
    refusing: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_jobs, "scan_now", lambda *_args, **_options: None)
    refusing.add(ref, "m.pkl", HOSTILE)
    assert refusing.read(ref, "m.pkl", by=refusing.bob) == HOSTILE
    scan(refusing, ref)
    with pytest.raises(NotAllowed):
        refusing.read(ref, "m.pkl", by=refusing.bob)
    # The file is there: what does not add it goes on.
    refusing.add(ref, "other.txt", b"x")
    with pytest.raises(Refused):
        refusing.add(ref, "copy.pkl", HOSTILE)
    # What does not come over HTTP is judged by what is known.
    with pytest.raises(Refused, match=r"copy\.pkl"):
        refusing.plant(ref, {"copy.pkl": (Mode.FILE, HOSTILE)})
    with refusing.hub.read() as tx:
        row = repositories.by_id(tx, refusing.row_id(ref))
        assert row is not None
        head = refusing.head(ref)
        policies.check_moves(refusing.hub, tx, row, [(None, head)])  # main has the file already
        policies.check_moves(refusing.hub, tx, row, [(head, None)])


def test_no_ref_is_made_of_a_commit_with_an_unsafe_file(
    refusing: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing.add(ref, "notes.txt", b"x")
    options = {"is_empty": False, "overwrites": False}
    branches.create_branch(refusing.hub, refusing.alice, ref, "dev", start="main", **options)
    with monkeypatch.context() as patched:
        patched.setattr(scan_jobs, "scan_now", lambda *_args, **_options: None)
        refusing.add(ref, "m.pkl", HOSTILE, branch="dev")
    scan(refusing, ref)
    with pytest.raises(Refused, match=r"m\.pkl"):
        branches.create_branch(refusing.hub, refusing.alice, ref, "copy", start="dev", **options)
    with pytest.raises(Refused, match=r"m\.pkl"):
        branches.create_tag(refusing.hub, refusing.alice, ref, "dev", "v1", None)
    with pytest.raises(Refused, match=r"m\.pkl"):
        openings.open_from_branch(refusing.hub, refusing.alice, ref, "Merge", "It is better.", source="dev")
    branches.create_branch(refusing.hub, refusing.alice, ref, "copy", start="main", **options)
    assert [head.ref for head in branches.list_refs(refusing.hub, refusing.alice, ref)] == [
        "refs/heads/copy",
        "refs/heads/dev",
        "refs/heads/main",
    ]


def test_a_slow_scan_ends_without_a_result(refusing: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "WAIT_S", -1.0)
    assert refusing.add(ref, "m.pkl", HOSTILE)


def test_other_policies_refuse_nothing(make_world: Callable[..., World]) -> None:
    for policy in ("off", "warn", "hide"):
        world = make_world(scanning=policy)
        ref = world.repo("alice/m")
        world.add(ref, "m.pkl", HOSTILE)
        scan(world, ref)
        assert world.add(ref, "n.pkl", HOSTILE)
