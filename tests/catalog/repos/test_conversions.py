from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.repos import conversions
from entrepot.catalog.repos.conversions import ConversionRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Oid

AddRepo = Callable[..., RepoRow]


def test_a_conversion_is_replaced_copied_and_forgotten(catalog: Catalog, add_repo: AddRepo) -> None:
    one, two = add_repo("a").id, add_repo("b").id
    row = ConversionRow(one, Oid("a" * 40), "b" * 64, None, [{"name": "default"}], 5)
    newer = attrs.evolve(row, commit=Oid("c" * 40), configs=[], converted_ms=6)
    with catalog.write() as tx:
        conversions.put(tx, row)
        assert conversions.find(tx, one) == row
        assert not conversions.has_any(tx)
        conversions.put(tx, newer)
        conversions.copy(tx, one, two)
        assert conversions.has_any(tx)
        assert conversions.find(tx, two) == attrs.evolve(newer, repo_id=two)
        conversions.remove(tx, one)
        conversions.copy(tx, one, two)
        assert [conversions.find(tx, repo) for repo in (one, two)] == [None, attrs.evolve(newer, repo_id=two)]


def test_what_conversions_take_is_added_up_by_owner_and_day(catalog: Catalog, add_repo: AddRepo) -> None:
    one, two = add_repo("a"), add_repo("b")
    with catalog.write() as tx:
        for row, spent in ((one, 5), (two, 7)):
            conversions.put(tx, ConversionRow(row.id, Oid("a" * 40), "b" * 64, None, [], 5, spent, 20))
        assert conversions.spent_by_owner(tx, one.owner_id, 20) == 12
        assert conversions.spent_by_owner(tx, one.owner_id, 21) == 0
        assert conversions.spent_by_owner(tx, one.owner_id + 1, 20) == 0
