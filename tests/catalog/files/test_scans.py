from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import Catalog
from entrepot.catalog.files import scans
from entrepot.catalog.files.scans import ScanRow

ROW = ScanRow("aa" * 32, "pickles", "1", "safe", {"message": "x"}, 5, 5)


def test_a_result_is_found_by_content_and_replaced_by_a_newer_one(catalog: Catalog) -> None:
    other = attrs.evolve(ROW, scanner="command")
    newer = attrs.evolve(ROW, version="2", status="unsafe", scanned_ms=9)
    with catalog.write() as tx:
        for row in (ROW, other, newer):
            scans.put(tx, row)
        assert scans.find(tx, ["bb" * 32, ROW.content]) == {
            (ROW.content, "pickles"): newer,
            (ROW.content, "command"): other,
        }
        assert scans.find(tx, []) == {}


def test_results_that_nothing_refers_to_are_forgotten(catalog: Catalog) -> None:
    gone = attrs.evolve(ROW, content="bb" * 32)
    with catalog.write() as tx:
        scans.put(tx, ROW)
        scans.put(tx, gone)
        scans.note_seen(tx, [ROW.content], 7)
        scans.forget(tx, 7)
        assert scans.find(tx, [ROW.content, gone.content]) == {(ROW.content, "pickles"): attrs.evolve(ROW, seen_ms=7)}


def test_a_result_is_stored_in_one_statement(catalog: Catalog) -> None:
    statements = list[object]()
    with catalog.write() as tx:
        sa.event.listen(tx.sql, "before_execute", lambda *given: statements.append(given[1]))
        scans.put(tx, ROW)
        assert [type(it).__name__ for it in statements] == ["Insert"], "two scans may end at the same time"
