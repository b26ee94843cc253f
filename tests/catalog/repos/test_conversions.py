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
        conversions.put(tx, newer)
        conversions.copy(tx, one, two)
        assert conversions.find(tx, two) == attrs.evolve(newer, repo_id=two)
        conversions.remove(tx, one)
        conversions.copy(tx, one, two)
        assert [conversions.find(tx, repo) for repo in (one, two)] == [None, attrs.evolve(newer, repo_id=two)]
