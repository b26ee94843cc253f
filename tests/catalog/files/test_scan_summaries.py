from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.files import scan_summaries
from entrepot.catalog.files.scan_summaries import ScanSummary
from entrepot.catalog.repos.repositories import RepoRow


def test_summaries_are_replaced_and_paged_by_worst_status(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    ids = [add_repo(name).id for name in "abc"]
    rows = [ScanSummary(number, "unsafe", {"unsafe": 1}, [["unsafe", "a" * 40, "x.pkl"]], 5) for number in ids]
    with catalog.write() as tx:
        for row in rows:
            scan_summaries.put(tx, row)
        cleared = attrs.evolve(rows[0], worst="safe", counts={}, findings=[], scanned_ms=9)
        scan_summaries.put(tx, cleared)
        assert scan_summaries.page(tx, "unsafe", before=None, limit=1) == [rows[2]]
        assert scan_summaries.page(tx, "unsafe", before=ids[2], limit=9) == [rows[1]]
        assert scan_summaries.page(tx, "safe", before=None, limit=9) == [cleared]
        assert [scan_summaries.count(tx, "unsafe", most) for most in (1, 9)] == [1, 2]
