from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_links, shared_content, xet_files, xorbs
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.shared_content import SharedContent
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import PUBLIC_ONLY, Visibility
from entrepot.names import RefName, RepoPath, Sha256, XetHash
from entrepot.xet import pack_ranges

Link = Callable[..., None]
XORB = XetHash("a" * 64)
"""A xorb of ten chunks with 100 bytes each."""


@pytest.fixture
def link(catalog: Catalog) -> Link:
    """Return a function that commits a file to a repository, which consists of chunks of the xorb."""

    def commit(
        repo: RepoRow,
        number: int,
        ranges: Sequence[tuple[int, int]],
        *,
        ref: str = "heads/main",
        is_proven: bool = True,
    ) -> None:
        sha256, size = Sha256(f"{number:064x}"), 100 * sum(end - start for start, end in ranges)
        with catalog.write() as tx:
            xorbs.put(tx, XorbRow(XORB, 900, 1000, 10, b"x", False), 7, 5)
            file = XetFileRow.of(XetHash(f"{number + 0xF00:064x}"), size, b"")
            xet_files.put(tx, file, {XORB: pack_ranges(ranges)}, 5)
            form = LinkedForm(size, file.id, file.hash, is_proven=is_proven, is_verified=is_proven)
            file_links.link_forms(tx, repo.id, {sha256: form}, 1, 5)
            file_links.name_links(tx, repo.id, [(sha256, RepoPath(f"w{number}"))], RefName(f"refs/{ref}"), 5)

    return commit


def found(catalog: Catalog, repo: RepoRow, seen: Visibility | None = PUBLIC_ONLY) -> list[SharedContent]:
    with catalog.read() as tx:
        return shared_content.find(tx, repo.id, seen)


def test_the_same_files_and_shared_chunks_are_found_from_both_sides(
    catalog: Catalog, add_repo: Callable[..., RepoRow], link: Link
) -> None:
    base, same, tuned, other = (add_repo(name) for name in ("base", "same", "tuned", "other"))
    link(base, 1, [(0, 10)])
    link(same, 1, [(0, 10)])
    link(tuned, 2, [(0, 4), (6, 10)])
    with catalog.write() as tx:
        file_links.link_forms(tx, other.id, {Sha256("9" * 64): LinkedForm(1000)}, 1, 5)
    assert found(catalog, base) == [SharedContent(same.id, 1000, False), SharedContent(tuned.id, 800, False)]
    assert found(catalog, tuned) == [SharedContent(base.id, 800, True), SharedContent(same.id, 800, True)]
    assert found(catalog, other) == []


def test_repositories_that_the_caller_cannot_read_are_left_out(
    catalog: Catalog, add_repo: Callable[..., RepoRow], link: Link
) -> None:
    base, hidden = add_repo("base"), add_repo("hidden", visibility="private")
    link(base, 1, [(0, 10)])
    link(hidden, 1, [(0, 10)])
    link(hidden, 2, [(0, 5)])
    assert found(catalog, base) == []
    for seen in (None, Visibility([hidden.namespace_id]), Visibility((), [hidden.id])):
        assert [one.repo_id for one in found(catalog, base, seen)] == [hidden.id]
    for change in ({"visibility": "public", "gated": "manual"}, {"gated": "no", "is_disabled": True}):
        with catalog.write() as tx:
            repositories.update(tx, hidden.id, **change)
        assert found(catalog, base) == []


def test_what_is_only_claimed_or_proposed_does_not_count(
    catalog: Catalog, add_repo: Callable[..., RepoRow], link: Link
) -> None:
    base, claimed, proposed = (add_repo(name) for name in ("base", "claimed", "proposed"))
    link(base, 1, [(0, 10)])
    link(claimed, 2, [(0, 10)], is_proven=False)
    link(proposed, 3, [(0, 10)], ref="pr/1")
    assert found(catalog, base) == []


def test_the_hidden_do_not_take_the_place_of_the_visible(
    catalog: Catalog, add_repo: Callable[..., RepoRow], link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_content, "MAX_ROWS", 1)
    base = add_repo("base")
    hidden = [add_repo(f"hidden{number}", visibility="private") for number in range(3)]
    shown = add_repo("shown")
    for repo in (base, *hidden, shown):
        link(repo, 1, [(0, 10)])
    assert [one.repo_id for one in found(catalog, base)] == [shown.id]
