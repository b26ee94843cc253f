import subprocess
from pathlib import Path

import pytest

from entrepot.errors import GitFailed, Refused, UrlRefused
from entrepot.names import Oid
from entrepot.workspace.metadata.ref_tables import RefTable, TagRef
from entrepot.workspace.metadata.repositories import FetchReport, MetadataRepository
from tests.support.machines import git


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "trunk", tmp_path / "r.git"], check=True)
    return tmp_path / "r.git"


@pytest.fixture
def writer(tmp_path: Path, remote: Path) -> Path:
    """A work tree from which tests push."""
    git(tmp_path, "clone", "-q", str(remote), "w")
    for key, value in (("user.name", "w"), ("user.email", "w@x")):
        git(tmp_path / "w", "config", key, value)
    return tmp_path / "w"


def repository(tmp_path: Path, url: str) -> MetadataRepository:
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    return MetadataRepository(tmp_path / "metadata", url, environ)


def push(writer: Path, *tags: str) -> str:
    git(writer, "commit", "-q", "--allow-empty", "-m", "x")
    for tag in tags:
        git(writer, "tag", "-f", tag)
    git(writer, "push", "-qf", "origin", "HEAD", *tags)
    return git(writer, "rev-parse", "HEAD").strip()


def test_a_version_is_built_on_a_local_one_or_on_the_branch(tmp_path: Path) -> None:
    made = repository(tmp_path, "/srv/x.git")
    made.folder.mkdir()
    one, two, head = (TagRef(Oid(digit * 40), Oid(digit * 40)) for digit in "123")
    refs = RefTable(tags={"t__1": one}, unpublished={"t__2": two}, lost={}, branches={"master": head.commit})
    assert made.parent_of(refs, "t__2", two.commit) == two.commit
    assert made.parent_of(refs) == head.commit
    for tag, commit in (("t__1", one.commit), ("t__2", one.commit)):
        assert made.parent_of(refs, tag, commit) == head.commit
    assert made.own_storage is None


def test_commits_have_entities_in_folders(tmp_path: Path) -> None:
    made = repository(tmp_path, "/srv/x.git")
    assert made.place_of("a/x") == "a/x"
    assert made.spec_paths(["x.spec", "x/x.spec", "a/x/x.spec", "ax/x.spec"], "x") == ["x/x.spec", "a/x/x.spec"]
    assert made.spec_in_workspace("a/x/x.spec", "other") == "a/x/x.spec"


def test_an_empty_remote_is_fine(tmp_path: Path, remote: Path) -> None:
    made = repository(tmp_path, str(remote))
    assert not made.exists
    assert made.initialise() == FetchReport((), ())
    assert made.exists
    assert made.head() is None
    assert made.branch == "master"


def test_new_and_moved_tags_are_reported(tmp_path: Path, remote: Path, writer: Path) -> None:
    first = push(writer, "a")
    made = repository(tmp_path, str(remote))
    assert made.initialise() == FetchReport(("a",), ())
    assert made.branch == "trunk"
    assert made.head() == first
    push(writer, "a", "b")
    assert made.fetch() == FetchReport(("b",), ("a",))
    assert made.fetch() == FetchReport((), ())


def test_a_half_made_clone_is_repaired_and_the_url_may_change(tmp_path: Path, remote: Path, writer: Path) -> None:
    push(writer, "a")
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/.git").mkdir()
    made = repository(tmp_path, str(remote))
    made.initialise()
    assert set(made.refs().tags) == {"a"}
    gone = repository(tmp_path, str(tmp_path / "none.git"))
    with pytest.raises(GitFailed):
        gone.fetch()
    with pytest.raises(UrlRefused):
        repository(tmp_path, "x; y").fetch()


def test_local_versions_and_tags_of_users(tmp_path: Path, remote: Path, writer: Path) -> None:
    commit = push(writer, "a")
    made = repository(tmp_path, str(remote))
    made.initialise()
    oid = made.refs().tags["a"].oid
    made.record("v__1", oid)
    with pytest.raises(GitFailed):
        made.record("v__1", oid)
    made.mark_lost("v__1", made.refs().unpublished["v__1"])
    assert set(made.refs().lost) == {"v__1"}
    made.record("v__2", oid)
    made.forget("v__2")
    assert made.refs().unpublished == {}
    made.add_tag("mine", made.refs().tags["a"].commit)
    assert git(remote, "rev-parse", "mine").strip() == commit
    for name in ("mine", "no..name"):
        with pytest.raises(Refused):
            made.add_tag(name, made.refs().tags["a"].commit)
    made.delete_tag("mine")
    assert git(remote, "tag", "-l") == "a\n"


def test_a_remote_that_cannot_be_read_leaves_nothing_and_never_uses_a_repository_around_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    made = repository(tmp_path, str(tmp_path / "none.git"))
    with pytest.raises(GitFailed):
        made.initialise()
    assert not made.folder.exists()
    made.folder.mkdir()
    (made.folder / ".git").mkdir()
    with pytest.raises(GitFailed):
        made.git.run("rev-parse", "--git-dir")
