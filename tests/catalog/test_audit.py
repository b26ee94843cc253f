import attrs

from entrepot.catalog import Catalog, audit
from entrepot.catalog.audit import AuditFilter, AuditRow
from entrepot.names import new_uid


def row(at_ms: int, actor: str = "alice", action: str = "repo.delete", subject: str = "model a/b") -> AuditRow:
    return AuditRow(0, at_ms, actor, None, action, subject, "{}", f"{at_ms:064x}")


def fill(catalog: Catalog, *rows: AuditRow) -> None:
    for item in rows:
        with catalog.write() as tx:
            audit.append(tx, item, is_first=audit.head(tx) is None)


def test_the_head_is_that_of_the_newest_row(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert audit.head(tx) is None
    fill(catalog, row(1), row(2))
    with catalog.read() as tx:
        assert audit.head(tx) == f"{2:064x}"


def test_rows_are_read_in_order_and_in_pages(catalog: Catalog) -> None:
    fill(catalog, row(5), row(6), row(7))
    with catalog.read() as tx:
        first = audit.after(tx, 0, 2)
        rest = audit.after(tx, first[-1].id, 2)
        newest = audit.search(tx, AuditFilter(), limit=2)
        older = audit.search(tx, AuditFilter(), before=newest[-1].id, limit=2)
    assert [item.at_ms for item in (*first, *rest)] == [5, 6, 7]
    assert [item.at_ms for item in (*newest, *older)] == [7, 6, 5]


def test_each_condition_leaves_out_the_others(catalog: Catalog) -> None:
    fill(catalog, row(1), row(2, actor="bob"), row(3, action="repo.move"), row(4, subject="model x/y"))
    asked = {
        AuditFilter(actor="bob"): [2],
        AuditFilter(action="repo.move"): [3],
        AuditFilter(subject="model x/y"): [4],
        AuditFilter(since_ms=2, until_ms=4): [3, 2],
        AuditFilter(actor="bob", action="repo.move"): [],
    }
    with catalog.read() as tx:
        found = {wanted: [item.at_ms for item in audit.search(tx, wanted, limit=9)] for wanted in asked}
    assert found == asked


def test_rows_of_one_account_are_found_by_its_permanent_id(catalog: Catalog) -> None:
    mine, other = new_uid(), new_uid()
    fill(catalog, *(attrs.evolve(row(at), namespace=uid) for at, uid in ((1, mine), (2, other), (3, mine), (4, None))))
    with catalog.read() as tx:
        found = audit.search(tx, AuditFilter(namespace=mine), limit=9)
        assert [(item.at_ms, item.namespace) for item in found] == [(3, mine), (1, mine)]
