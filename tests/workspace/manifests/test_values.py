"""Manifests as values."""

from __future__ import annotations

from entrepot.names import RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry


def test_files_are_in_the_order_of_their_bytes() -> None:
    entry = ManifestEntry(sha256="a" * 64, size=1)
    manifest = Manifest.of((RepoPath(path), entry) for path in ("é", "b/a", "b-a", "B", "😀", "\uffff"))
    assert list(manifest.files) == sorted(manifest.files, key=lambda path: path.encode())


def test_sums() -> None:
    files = {RepoPath("a"): ManifestEntry(sha256="a" * 64, size=5), RepoPath("b"): ManifestEntry(cid="zdj7W")}
    manifest = Manifest(files)
    assert (manifest.amount, manifest.size) == (2, 5)
    assert [entry.content for entry in files.values()] == ["a" * 64, "zdj7W"]
