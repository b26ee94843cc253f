from pathlib import Path

from entrepot.workspace.metadata.git_objects import write_commit, write_tag, write_tree
from entrepot.workspace.metadata.ref_tables import LOST, TAGS, UNPUBLISHED, TagRef, read_refs
from entrepot.workspace.metadata.secure_git import check_identity, secure_git


def test_tags_by_where_they_are(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = ann\n\temail = a@b\n")
    git = secure_git(tmp_path, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"})
    git.run("init", "-q")
    tree = write_tree(git, {"f": b"x"})
    commit = write_commit(git, tree, (), "m\n")
    tag = write_tag(git, "t", commit, "m", check_identity(git))
    for ref, oid in ((f"{TAGS}a", tag), (f"{TAGS}light", commit), (f"{TAGS}tree", tree)):
        git.run("update-ref", ref, oid)
    for ref in (f"{UNPUBLISHED}b", f"{LOST}c"):
        git.run("update-ref", ref, tag)
    git.run("update-ref", "refs/remotes/origin/main", commit)
    git.run("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    refs = read_refs(git)
    assert refs.tags == {"a": TagRef(tag, commit), "light": TagRef(commit, commit)}
    assert refs.unpublished == {"b": TagRef(tag, commit)}
    assert refs.lost == {"c": TagRef(tag, commit)}
    assert refs.branches == {"main": commit}
    assert refs.find("b") == refs.find("a")
    assert refs.find("c") is None
    assert set(refs.versions()) == {"a", "light", "b"}
