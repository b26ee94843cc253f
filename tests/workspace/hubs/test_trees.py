from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.errors import Refused
from entrepot.names import RepoPath
from entrepot.workspace.hubs.trees import ATTRIBUTES, read_entries, write_entries, write_hub_tree
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.metadata.secure_git import secure_git

SHA = "ab" * 32


@pytest.fixture
def git(tmp_path: Path) -> Git:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return secure_git(tmp_path, {})


def manifest_of(**files: ManifestEntry) -> Manifest:
    return Manifest.of((RepoPath(path), entry) for path, entry in files.items())


def test_files_are_pointers_and_documents_are_not(git: Git) -> None:
    run, empty = ManifestEntry(sha256=SHA, size=3, x=1), ManifestEntry(sha256=SHA, size=0)
    tree = write_hub_tree(git, {"x.spec": b"spec"}, manifest_of(run=run, empty=empty))
    found = read_entries(git, tree)
    assert {path: mode for path, (mode, _) in found.items()} == {
        ".gitattributes": "100644",
        "x.spec": "100644",
        "run": "100755",
        "empty": "100644",
    }
    contents = {path: git.run("cat-file", "blob", oid) for path, (_, oid) in found.items()}
    assert contents[".gitattributes"] == ATTRIBUTES
    assert contents["run"].endswith(f"oid sha256:{SHA}\nsize 3\n".encode())
    assert (contents["empty"], contents["x.spec"]) == (b"", b"spec")


def test_equal_versions_have_equal_trees(git: Git) -> None:
    manifest = manifest_of(a=ManifestEntry(sha256=SHA, size=3))
    assert write_hub_tree(git, {}, manifest) == write_hub_tree(git, {}, manifest)


@pytest.mark.parametrize("path", ['a "b"', "a\\b c", "ä/ü", "-x", "data/#1", " lead", "tab\tin", 'line\nin"\n'])
def test_odd_names_survive(git: Git, path: str) -> None:
    tree = write_entries(git, [("100644", path, b"1")])
    assert [*read_entries(git, tree)] == [path]
    again = write_entries(git, [(mode, name, oid) for name, (mode, oid) in read_entries(git, tree).items()])
    assert again == tree


def test_no_commit_has_no_files(git: Git) -> None:
    assert read_entries(git, None) == {}
    assert git.line("for-each-ref") == ""
    assert read_entries(git, write_entries(git, [])) == {}


@pytest.mark.parametrize("path", ["MANIFEST.yaml", "MANIFEST.d/x", ".gitattributes", "x.spec"])
def test_names_of_documents_are_refused(git: Git, path: str) -> None:
    manifest = Manifest.of([(RepoPath(path), ManifestEntry(sha256=SHA, size=1))])
    with pytest.raises(Refused, match="rename"):
        write_hub_tree(git, {"x.spec": b""}, manifest)
