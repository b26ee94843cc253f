from __future__ import annotations

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_checks, files
from entrepot.catalog.files.file_checks import Due
from entrepot.names import Sha256

A, B = Sha256("a" * 64), Sha256("b" * 64)


def test_files_are_due_by_age_and_damaged_ones_wait_for_an_upload(catalog: Catalog) -> None:
    with catalog.write() as tx:
        for sha256, now in ((A, 10), (B, 20)):
            files.reserve(tx, sha256, 5, now)
        first = file_checks.next_due(tx, checked_before_ms=100, touched_before_ms=20)
        assert first == Due(A, 5, 10)
        assert file_checks.note(tx, first, 50, is_damaged=True)
        assert file_checks.damaged(tx, [A, B]) == {A}
        assert file_checks.next_due(tx, checked_before_ms=100, touched_before_ms=100) == Due(B, 5, 20)
        assert (file_checks.unmark(tx, A), file_checks.unmark(tx, A)) == (True, False)
        assert file_checks.damaged(tx, [A, B]) == set()


def test_a_file_that_was_touched_since_is_not_noted(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, A, 5, 10)
        files.touch(tx, [A], 11)
        assert not file_checks.note(tx, Due(A, 5, 10), 50, is_damaged=True)
