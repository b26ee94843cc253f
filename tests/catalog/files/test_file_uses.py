from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_links, file_uses, files
from entrepot.catalog.files.file_uses import FileUse
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RepoPath, Sha256, XetHash

A, B = Sha256("a" * 64), Sha256("b" * 64)


def test_paths_and_uploads_of_raw_bytes_are_found_up_to_a_limit(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow]
) -> None:
    with catalog.write() as tx:
        files.reserve(tx, A, 5, 1)
        files.reserve(tx, B, 5, 1)
        file_links.link(tx, repo.id, [A, B], repo.owner_id, 1)
        file_links.name_links(tx, repo.id, [(A, RepoPath("\u00fc/w.bin"))], MAIN, 2)
        assert file_uses.of_raw(tx, A) == [FileUse(repo.id, None, '"\\303\\274/w.bin" on refs/heads/main')]
        assert file_uses.of_raw(tx, B) == [FileUse(repo.id, None, f"the upload {B}, which no commit names")]
    others = [add_repo(f"m{number}") for number in range(file_uses.LIMIT + 5)]
    with catalog.write() as tx:
        for other in others:
            file_links.link(tx, other.id, [A], other.owner_id, 3)
        assert len(file_uses.of_raw(tx, A)) == file_uses.LIMIT


def test_unknown_content_has_no_users(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert file_uses.of_raw(tx, A) == []
        assert file_uses.of_xorb(tx, XetHash("c" * 64)) == file_uses.of_xet_file(tx, XetHash("c" * 64)) == []
