import subprocess
from pathlib import Path

import pytest

from entrepot.errors import GitFailed, Refused, VersionTaken
from entrepot.workspace.metadata.git_objects import list_paths, write_commit, write_folder, write_tag
from entrepot.workspace.metadata.publishing import publish
from entrepot.workspace.metadata.ref_tables import TagRef
from entrepot.workspace.metadata.repositories import MetadataRepository
from entrepot.workspace.metadata.secure_git import check_identity
from tests.support.machines import git


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "master", tmp_path / "r.git"], check=True)
    return tmp_path / "r.git"


def clone(place: Path, remote: Path, name: str) -> MetadataRepository:
    home = place / name
    home.mkdir()
    (home / ".gitconfig").write_text(f"[user]\n\tname = {name}\n\temail = {name}@x\n")
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    made = MetadataRepository(home / "metadata", str(remote), environ)
    made.initialise()
    return made


def commit(made: MetadataRepository, tag: str, folder: str, content: bytes) -> TagRef:
    head = made.head()
    tree = write_folder(made.git, head, folder, {"f": content})
    oid = write_commit(made.git, tree, () if head is None else (head,), "m\n")
    made.record(tag, write_tag(made.git, tag, oid, "m", check_identity(made.git)))
    return made.refs().unpublished[tag]


def test_versions_of_two_writers_are_merged_and_not_rewritten(tmp_path: Path, remote: Path) -> None:
    ann, bob = clone(tmp_path, remote, "ann"), clone(tmp_path, remote, "bob")
    first, second = commit(ann, "x__1", "x", b"x"), commit(bob, "y__1", "y", b"y")
    assert publish(ann, "x__1", first, "x").tries == 1
    done = publish(bob, "y__1", second, "y", wait=lambda _: None)
    assert done.tries == 2
    assert git(remote, "rev-parse", "master").strip() == done.head
    assert git(remote, "rev-parse", "x__1^{commit}", "y__1^{commit}").split() == [first.commit, second.commit]
    assert list_paths(bob.git, done.head) == ["x/f", "y/f"]
    assert bob.refs().unpublished == {}
    assert publish(bob, "y__1", second, "y").head == done.head  # once more does nothing


def test_a_number_that_someone_else_has_published_is_taken(tmp_path: Path, remote: Path) -> None:
    ann, bob = clone(tmp_path, remote, "ann"), clone(tmp_path, remote, "bob")
    first, second = commit(ann, "x__1", "x", b"a"), commit(bob, "x__1", "x", b"b")
    publish(ann, "x__1", first, "x")
    with pytest.raises(VersionTaken, match="published by ann"):
        publish(bob, "x__1", second, "x", wait=lambda _: None)
    assert git(remote, "rev-parse", "x__1^{commit}").strip() == first.commit


def test_a_refusal_of_the_remote_publishes_nothing(tmp_path: Path, remote: Path) -> None:
    ann = clone(tmp_path, remote, "ann")
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailed, match="not today"):
        publish(ann, "x__1", commit(ann, "x__1", "x", b"a"), "x", wait=lambda _: None)
    assert git(remote, "for-each-ref") == ""
    assert set(ann.refs().unpublished) == {"x__1"}


def test_patience_ends(tmp_path: Path, remote: Path) -> None:
    ann = clone(tmp_path, remote, "ann")
    ref = commit(ann, "x__1", "x", b"a")
    hook = remote / "hooks/update"
    hook.write_text("#!/bin/sh\necho cannot lock ref >&2\nexit 1\n")
    hook.chmod(0o755)
    clock = iter(range(0, 1000, 40))
    with pytest.raises(Refused, match="again later"):
        publish(ann, "x__1", ref, "x", now=lambda: float(next(clock)), wait=lambda _: None)
    assert git(remote, "for-each-ref") == ""


def test_a_remote_without_atomic_pushes_gets_the_branch_first(tmp_path: Path, remote: Path) -> None:
    git(remote, "config", "receive.advertiseAtomic", "false")
    ann = clone(tmp_path, remote, "ann")
    ref = commit(ann, "x__1", "x", b"a")
    assert not publish(ann, "x__1", ref, "x").is_atomic
    assert git(remote, "rev-parse", "master", "x__1^{commit}").split() == [ref.commit] * 2
