from __future__ import annotations

import subprocess
import sys

import pytest

from entrepot.client.git.worktrees import WorkTree
from entrepot.errors import GitFailed, InvalidArgument
from tests.support.git_remote import GitRemote


def save(tree: WorkTree, name: str, text: str, message: str = "save") -> None:
    (tree.folder / name).write_text(text)
    tree.add()
    tree.commit(message)


def push(tree: WorkTree) -> None:
    tree.git.run("push", *tree.push_arguments())


def test_the_state_of_a_clone(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    assert tree.is_repository()
    assert tree.branch() == "main"
    assert len(tree.head()) == 40
    assert tree.remote_url() == str(git_remote.remote)
    assert tree.remote_url("other") is None
    assert tree.has_upstream()
    assert tree.is_clean()
    assert not tree.has_unpushed()
    assert tree.setting("user.name") == "Ada"
    assert tree.setting("no.such") is None
    assert not WorkTree(git_remote.git("empty")).is_repository()
    tree.git.run("checkout", "--quiet", "--detach")
    assert tree.branch() == "HEAD"


def test_credentials_in_a_remote_are_not_shown(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.git.run("remote", "set-url", "origin", "https://user:secret@hub.example.org/a/b")
    assert tree.remote_url() == "https://hub.example.org/a/b"


def test_changes_are_listed_without_ignored_files(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    save(tree, "gone.txt", "x")
    save(tree, "staged gone.txt", "x")
    (tree.folder / ".gitignore").write_text("*.log\n")
    for name in ("new ü.txt", "b.log", "README.md"):
        (tree.folder / name).write_text("new")
    (tree.folder / "gone.txt").unlink()
    tree.git.run("rm", "--quiet", "staged gone.txt")
    assert set(tree.changed()) == {".gitignore", "new ü.txt", "README.md", "gone.txt"}
    assert set(tree.changed("*.txt")) == {"new ü.txt", "gone.txt"}
    assert tree.deleted() == ["gone.txt", "staged gone.txt"]
    assert not tree.is_clean()


def test_a_commit_needs_staged_changes(git_remote: GitRemote) -> None:
    with pytest.raises(OSError, match="nothing to commit"):
        git_remote.clone().commit("empty")


def test_a_pull_keeps_uncommitted_changes(git_remote: GitRemote) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    save(bob, "b.txt", "bob")
    push(bob)
    save(ada, "a.txt", "ada")
    (ada.folder / "README.md").write_text("changed\n")
    ada.pull(is_rebased=True)
    assert (ada.folder / "b.txt").read_text() == "bob"
    assert (ada.folder / "README.md").read_text() == "changed\n"
    assert ada.git.line("log", "--format=%s", "-2").splitlines() == ["save", "save"]
    assert ada.has_unpushed()
    push(ada)
    assert not ada.has_unpushed()


def test_a_pull_without_rebase_merges(git_remote: GitRemote) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    save(bob, "b.txt", "bob")
    push(bob)
    save(ada, "a.txt", "ada")
    ada.pull()
    assert ada.git.line("rev-list", "--merges", "--count", "HEAD") == "1"


@pytest.mark.parametrize("is_rebased", [True, False])
def test_a_pull_with_conflicts_leaves_the_clone_as_it_was(git_remote: GitRemote, is_rebased: bool) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    save(bob, "README.md", "bob")
    push(bob)
    save(ada, "README.md", "ada")
    (ada.folder / "own.txt").write_text("mine")
    head = ada.head()
    with pytest.raises(GitFailed, match=r"README\.md"):
        ada.pull(is_rebased=is_rebased)
    assert ada.head() == head
    assert ada.branch() == "main"
    assert (ada.folder / "README.md").read_text() == "ada"
    assert (ada.folder / "own.txt").read_text() == "mine"
    assert ada.changed() == ["own.txt"]


def test_changes_that_conflict_with_a_pull_are_named(git_remote: GitRemote) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    save(bob, "README.md", "bob")
    push(bob)
    (ada.folder / "README.md").write_text("ada")
    with pytest.raises(GitFailed, match=r"conflict with it: README\.md"):
        ada.pull(is_rebased=True)


def test_a_merge_under_way_is_not_disturbed(git_remote: GitRemote) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    save(bob, "README.md", "bob")
    push(bob)
    save(ada, "README.md", "ada")
    ada.git.run("fetch", "--quiet")
    assert ada.git.attempt("merge", "origin/main").code == 1
    with pytest.raises(GitFailed, match="in progress"):
        ada.pull()
    assert (ada.folder / ".git/MERGE_HEAD").exists()


def test_a_checkout_finds_remote_branches_and_creates_unknown_ones(git_remote: GitRemote) -> None:
    ada, bob = git_remote.clone(), git_remote.clone("bob", "Bob")
    assert bob.checkout("dev", may_create=True)
    save(bob, "dev.txt", "x")
    push(bob)
    assert not ada.checkout("dev", may_create=True)
    assert ada.has_upstream()
    assert (ada.folder / "dev.txt").exists()
    with pytest.raises(GitFailed):
        ada.checkout("nowhere")
    assert ada.checkout("nowhere", may_create=True)
    assert ada.push_arguments() == ("--set-upstream", "origin", "nowhere")
    assert not ada.checkout(bob.head())
    assert ada.branch() == "HEAD"


def test_a_revision_may_be_called_like_a_file(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.checkout("README.md", may_create=True)
    tree.checkout("main")
    (tree.folder / "README.md").write_text("kept")
    tree.checkout("README.md")
    assert (tree.folder / "README.md").read_text() == "kept"


@pytest.mark.parametrize("name", ["--upload-pack=x", "-d", ""])
def test_a_name_cannot_be_an_option(git_remote: GitRemote, name: str) -> None:
    tree = git_remote.clone()
    calls = [
        lambda: tree.checkout(name),
        lambda: tree.add_tag(name),
        lambda: tree.delete_tag(name),
        lambda: tree.has_tag("a", name),
        lambda: tree.add_tag("fine", remote=name),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument):
            call()
    if name:
        with pytest.raises(InvalidArgument):
            tree.push_arguments(f"origin {name}")


def test_the_upstream_is_the_argument_or_the_configured_one(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    assert tree.push_arguments() == ()
    assert tree.push_arguments("origin dev") == ("--set-upstream", "origin", "dev")


def test_tags_locally_and_at_the_remote(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.add_tag("light")
    tree.add_tag("v1", "first version", "origin")
    assert tree.git.line("cat-file", "-t", "v1") == "tag"
    assert tree.has_tag("light")
    assert not tree.has_tag("light", "origin")
    assert tree.has_tag("v1", "origin")
    assert not tree.has_tag("v")
    assert tree.delete_tag("v1", "origin")
    assert not tree.has_tag("v1", "origin")
    assert not tree.delete_tag("v1", "origin")
    assert tree.delete_tag("light")


def test_git_lfs_is_installed_for_one_repository_and_hooks_of_others_stay(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.install_lfs()
    assert "git lfs" in (tree.folder / ".git/hooks/pre-push").read_text()
    assert tree.setting("filter.lfs.process") is not None
    assert not (git_remote.folder / "home/.gitconfig").exists()
    (tree.folder / ".git/hooks/pre-push").write_text("#!/bin/sh\n")
    tree.install_lfs()
    assert (tree.folder / ".git/hooks/pre-push").read_text() == "#!/bin/sh\n"


def test_patterns_and_names_are_tracked_and_untracked(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.track(["*.bin", "-odd"])
    tree.track(["a [1].txt"], are_names=True)
    lines = (tree.folder / ".gitattributes").read_text().splitlines()
    assert {line.split()[0] for line in lines[:2]} == {"*.bin", "-odd"}
    assert all("filter=lfs" in line for line in lines)
    tree.untrack(["*.bin", "-odd"])
    assert len((tree.folder / ".gitattributes").read_text().splitlines()) == 1
    assert tree.git.line("check-attr", "filter", "--", "a [1].txt").endswith("lfs")


def test_the_agent_for_large_files_can_be_started(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.enable_large_files()
    program = tree.setting("lfs.customtransfer.multipart.path")
    assert program == sys.executable
    assert tree.setting("lfs.customtransfer.multipart.direction") == "upload"
    args = tree.setting("lfs.customtransfer.multipart.args")
    shown = subprocess.run(f"'{program}' {args} --help", shell=True, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_pruning_needs_nothing_to_prune(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.prune()
    tree.prune(is_recent=True)
    assert (tree.folder / "README.md").read_text() == "# First\n"
