from entrepot.names import RepoPath
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.merging.three_way import ManifestMerge, merge_manifests

A, B, C = (ManifestEntry(sha256=letter * 64, size=1) for letter in "abc")


def files(**entries: ManifestEntry) -> dict[RepoPath, ManifestEntry]:
    return {RepoPath(path): entry for path, entry in entries.items()}


def test_what_only_the_other_side_has_changed_is_taken() -> None:
    base = files(same=A, edited=A, gone=A, mine=A)
    ours = files(same=A, edited=A, gone=A, mine=B, own=C)
    theirs = files(same=A, edited=B, mine=A, new=C)
    assert merge_manifests(base, ours, theirs) == ManifestMerge(files(edited=B, new=C), (RepoPath("gone"),), ())


def test_the_same_change_on_both_sides_is_none() -> None:
    assert merge_manifests(files(x=A, y=A), files(x=B, z=C), files(x=B, z=C)) == ManifestMerge({}, (), ())


def test_different_changes_of_one_file_are_conflicts() -> None:
    base = files(edited=A, gone=A, kept=A)
    found = merge_manifests(base, files(edited=B, gone=B, added=A), files(edited=C, added=B, kept=C))
    assert found.conflicts == ("added", "edited", "gone", "kept")


def test_the_executable_bit_is_a_change() -> None:
    run = ManifestEntry(sha256="a" * 64, size=1, x=1)
    assert merge_manifests(files(x=A), files(x=A), files(x=run)).taken == files(x=run)
