from __future__ import annotations

import ast
import pathlib

import pytest
import sqlalchemy as sa

import entrepot.catalog
from entrepot.catalog import Catalog
from entrepot.catalog.lists import BATCH, MAX_VALUES, bounded, slices
from entrepot.errors import LimitExceeded

CATALOG = pathlib.Path(entrepot.catalog.__file__).parent
SOURCES = sorted(path for path in CATALOG.rglob("*.py") if "migrations" not in path.parts and path.name != "lists.py")
BUILDERS = frozenset({"select", "bindparam", "bounded", "correlate", "with_for_update", "_expanding"})


def test_values_come_in_slices_in_their_order() -> None:
    assert [list(batch) for batch in slices([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(slices([])) == []
    assert [len(batch) for batch in slices(range(2 * BATCH))] == [BATCH, BATCH]


def test_a_list_that_cannot_be_sliced_has_a_bound() -> None:
    assert bounded([1, 2], 2) == [1, 2]
    with pytest.raises(LimitExceeded, match="query of the database"):
        bounded([1, 2, 3], 2)


def test_every_database_takes_the_longest_list(catalog: Catalog) -> None:
    number = sa.column("number", sa.Integer)
    with catalog.read() as tx:
        query = sa.select(number).select_from(sa.text("(SELECT 7 AS number) AS one"))
        assert list(tx.sql.execute(query.where(number.in_(bounded(range(MAX_VALUES))))).scalars()) == [7]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(CATALOG)))
def test_lists_in_statements_have_a_bound(source: pathlib.Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = {id(node): function for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("in_", "not_in"):
            known = _known(inside.get(id(node), tree))
            assert _is_bounded(node.args[0], known), f"{source}:{node.lineno}: use slices() or bounded()"


def test_nothing_is_sliced_by_hand() -> None:
    found = [str(source) for source in SOURCES if "range(0, len(" in source.read_text(encoding="utf-8")]
    assert found == []


def _known(tree: ast.AST) -> set[str]:
    """Return the names that stand for slices, for subqueries, or for results of these functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and _calls(node.iter, {"slices"}):
            found.add(node.target.id)
        if isinstance(node, ast.Assign) and _calls(node.value, {*BUILDERS, "_oldest"}):
            found |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


def _is_bounded(value: ast.expr, known: set[str]) -> bool:
    if isinstance(value, ast.Tuple | ast.List):
        return not any(isinstance(part, ast.Starred) for part in value.elts)
    if isinstance(value, ast.ListComp):  # over the values of a slice, or over a constant number
        source = value.generators[0].iter
        return _is_bounded(source, known) or _calls(source, {"range"})
    if isinstance(value, ast.Name):
        return value.id in known or value.id.strip("_").isupper()
    return _calls(value, BUILDERS) or _continues(value, known)


def _continues(value: ast.AST, known: set[str]) -> bool:
    """Return whether an expression is a chain of calls on a subquery, such as ``ids.order_by(…).limit(…)``."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Name) and value.id in known


def _calls(value: ast.AST, names: set[str] | frozenset[str]) -> bool:
    """Return whether an expression is made of a call of one of these functions."""
    calls = [node.func for node in ast.walk(value) if isinstance(node, ast.Call)]
    return any(getattr(func, "attr", getattr(func, "id", "")) in names for func in calls)
