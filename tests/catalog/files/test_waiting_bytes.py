from __future__ import annotations

from entrepot.catalog import Catalog
from entrepot.catalog.files import waiting_bytes
from entrepot.names import XetHash

ONE, TWO = XetHash("1" * 64), XetHash("2" * 64)


def test_xorbs_count_until_files_account_for_them(catalog: Catalog) -> None:
    with catalog.write() as tx:
        for user, xorb, size in ((7, ONE, 100), (7, TWO, 50), (8, ONE, 100), (7, ONE, 100)):
            waiting_bytes.note_xorb(tx, user, xorb, size, 1)
        assert waiting_bytes.of_xorbs(tx, 7) == 150
        assert waiting_bytes.of_xorbs(tx, 7, besides=ONE) == 50
        assert waiting_bytes.loose(tx, 7, [ONE, TWO]) == {ONE: 100, TWO: 50}
        waiting_bytes.account_for(tx, 7, {ONE: 30, TWO: -1})
        assert waiting_bytes.loose(tx, 7, [ONE, TWO]) == {ONE: 30}
        assert waiting_bytes.of_xorbs(tx, 8) == 100


def test_old_records_of_xorbs_are_forgotten(catalog: Catalog) -> None:
    with catalog.write() as tx:
        waiting_bytes.note_xorb(tx, 7, ONE, 100, 1)
        waiting_bytes.note_xorb(tx, 7, TWO, 50, 5)
        assert waiting_bytes.forget_xorbs(tx, 5) == 1
        assert waiting_bytes.of_xorbs(tx, 7) == 50
