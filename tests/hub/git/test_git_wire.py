from __future__ import annotations

import subprocess

import pytest

from entrepot.errors import GatedRepo, RepoNotFound, StoreFull, StoreUnavailable
from entrepot.git import DELIM, FLUSH, pkt_line, read_pkt_lines
from entrepot.git.listings import parse_question, render_listing
from entrepot.hub.git import git_wire
from entrepot.hub.git.git_wire import GitCommand
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import branches
from tests.support import hub_work
from tests.support.worlds import World


def told(command: GitCommand) -> bytes:
    """Return the output of a git program."""
    done = subprocess.run(command.argv, env=dict(command.environ), capture_output=True)
    command.release()
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_refs_are_advertised_with_the_ids_of_the_hub(world: World) -> None:
    ref = world.repo()
    commit = world.add(ref, "a.txt")
    assert f"{commit} HEAD".encode() in told(git_wire.advertise_uploads(world.hub, None, ref, ""))


def test_a_protocol_version_is_passed_on_and_nonsense_is_not(world: World) -> None:
    ref = world.repo()
    assert git_wire.uses_protocol_v2("version=2")
    assert git_wire.uses_protocol_v2("other:version=2")
    assert not git_wire.uses_protocol_v2("version=2\nX")
    assert not git_wire.uses_protocol_v2("version=1")
    assert b"version 2" in told(git_wire.advertise_uploads(world.hub, None, ref, "version=2"))
    assert b"version 2" not in told(git_wire.advertise_uploads(world.hub, None, ref, "version=2\nX"))


def test_private_and_gated_content_needs_access(world: World) -> None:
    private = world.repo("alice/p", visibility="private")
    with pytest.raises(RepoNotFound) as caught:
        git_wire.advertise_uploads(world.hub, None, private, "")
    assert caught.value.anonymous
    with pytest.raises(RepoNotFound):
        git_wire.serve_uploads(world.hub, world.bob, private, "")
    gated = world.repo("alice/g")
    with world.hub.write() as tx:
        from entrepot.catalog.repos import repositories

        repositories.update(tx, world.row_id(gated), gated="auto")
    with pytest.raises(GatedRepo):
        git_wire.serve_uploads(world.hub, world.bob, gated, "")
    git_wire.serve_uploads(world.hub, world.alice, gated, "").release()


def test_a_damaged_mirror_is_deleted_and_an_intact_one_stays_after_any_output(world: World) -> None:
    ref = world.repo()
    command = git_wire.advertise_uploads(world.hub, None, ref, "")
    command.release()
    folder = world.hub.settings.data / "cache" / "git" / command.uid
    git_wire.check_mirror(world.hub, command, b"fatal: git upload-pack: not our ref 0123")
    assert folder.exists()
    for said in (b"fatal: pack is corrupted", b"fatal: unable to access sparse blob in '01'", b"fatal: bad object 01"):
        git_wire.check_mirror(world.hub, command, said)
        assert folder.exists()
    pack = next((folder / "objects" / "pack").glob("*.pack"))
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")
    git_wire.check_mirror(world.hub, command, b"fatal: pack is corrupted")
    assert not folder.exists()


def test_swept_objects_are_not_served(world: World) -> None:
    ref = world.repo()
    kept = world.head(ref)
    world.add(ref, "secret.txt", b"secret\n")
    command = git_wire.advertise_uploads(world.hub, None, ref, "")
    command.release()
    with world.hub.write() as tx:
        from entrepot.catalog.repos import refs
        from entrepot.names import MAIN

        assert refs.swap(tx, world.row_id(ref), MAIN, world.head(ref), kept, 1)
    world.clock.advance(1000)
    list(maintenance.gc(world.hub, grace_ms=0))
    assert not (world.hub.settings.data / "cache" / "git" / command.uid).exists()


def test_the_reason_of_a_failure_is_one_line() -> None:
    assert git_wire.reason(b"remote: x\nfatal: no \x1b[31mroom\n") == "no \\x1b[31mroom"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("badTimezone: invalid author/committer line - bad time zone", "commit"),
        ("zeroPaddedFilemode: contains zero-padded file modes", "tree"),
        ("hasDotgit: contains '.git'", "tree"),
        ("missingTagEntry: invalid format - expected 'tag' line", "tag"),
        ("gitmodulesUrl: disallowed submodule url", "blob"),
    ],
)
def test_an_object_that_git_refuses_is_named_with_its_fault(fault: str, kind: str) -> None:
    stderr = f"error: object {'a1' * 20}: {fault}\nfatal: fsck error in packed object\n".encode()
    assert git_wire.reason(stderr) == f"the {kind} {'a1' * 20} is refused: {fault}"


def test_a_full_disk_has_its_own_error() -> None:
    assert isinstance(git_wire.failure(b"fatal: write error: No space left on device\n"), StoreFull)
    assert isinstance(git_wire.failure(b"fatal: write error: Broken pipe\n"), StoreUnavailable)


def test_a_large_mirror_is_repacked_by_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from entrepot.storage import mirrors

    monkeypatch.setattr(mirrors, "LARGE_INDEX", 100)
    ref = world.repo()
    command = git_wire.serve_uploads(world.hub, None, ref, "")
    command.release()
    while outcome := hub_work.run_next(world.hub, "tester"):
        assert outcome.error is None
    folder = world.hub.settings.data / "cache" / "git" / command.uid / "objects" / "pack"
    assert len(list(folder.glob("*.bitmap"))) == 1


def test_refs_are_listed_from_rows_as_git_lists_them(world: World) -> None:
    ref = world.repo()
    head = world.add(ref, "a.txt")
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "annotated")
    branches.create_tag(world.hub, world.alice, ref, "main", "light", None)
    for name in ("a-b", "a/b"):
        branches.create_branch(world.hub, world.alice, ref, name, start=None, is_empty=False, overwrites=False)
    for words in ((), ("peel", "symrefs", "unborn"), ("peel", "ref-prefix refs/tags/", "ref-prefix HEAD")):
        lines = [b"command=ls-refs\n", b"agent=x", DELIM, *(word.encode() + b"\n" for word in words)]
        asked = b"".join(line if line == DELIM else pkt_line(line) for line in lines) + FLUSH
        command = git_wire.serve_uploads(world.hub, None, ref, "version=2")
        done = subprocess.run(command.argv, env=dict(command.environ), input=asked, capture_output=True)
        command.release()
        question = parse_question(list(read_pkt_lines(asked))[:-1])
        assert render_listing(question, git_wire.list_refs(world.hub, None, ref)) == done.stdout
        assert str(head).encode() in done.stdout


def test_refs_of_hidden_repositories_are_hidden(world: World) -> None:
    private = world.repo("alice/p", visibility="private")
    for ask in (git_wire.list_refs, git_wire.check_fetch):
        with pytest.raises(RepoNotFound):
            ask(world.hub, world.bob, private)
        ask(world.hub, world.alice, private)
