from __future__ import annotations

import attrs
import pytest

from entrepot.hub.repos import infos
from entrepot.names import RepoType
from entrepot.server.pages.rows import description_of, facts_of, license_of, parameters_of, repo_rows
from tests.support.served_hub import ServedHub


def test_a_row_names_the_facts_of_a_repository(site: ServedHub) -> None:
    found = infos.search(site.hub, None, infos.Search(RepoType.MODEL, author="alice", limit=1)).infos
    [row] = repo_rows(found)
    assert (row.kind, row.icon, row.path, row.namespace, row.name) == ("model", "model", "alice/tern", "alice", "tern")
    assert list(row.facts) == ["text-generation", "transformers", "mit"]
    assert not row.is_private
    assert facts_of(found[0].info.row) == facts_of(found[0].info.row, 0) == ["text-generation", "transformers", "mit"]
    assert "2.00 kB" in facts_of(found[0].info.row, 2_000)
    assert row.description == "Tern A guide and."


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"description": "<script>alert(1)</script>"}, "<script>alert(1)</script>"),
        ({"description": " one\ntwo\x00\u202ethree "}, "one two three"),
        ({"description": ["a list"]}, "of the folder"),
        ({"description": "  "}, "of the folder"),
        (None, "of the folder"),
        ({"description": "word " * 100}, "word " * 30 + "word…"),
        ({"description": "x" * 100_000}, "x" * 159 + "…"),
    ],
)
def test_a_description_is_one_short_line(site: ServedHub, said: dict[str, object] | None, expected: str) -> None:
    [found] = infos.search(site.hub, None, infos.Search(RepoType.MODEL, author="alice", limit=1)).infos
    row = attrs.evolve(found.info.row, card=said, description="of the folder")
    assert description_of(attrs.evolve(found, info=attrs.evolve(found.info, row=row))) == expected


def test_facts_of_any_shape_are_read() -> None:
    assert license_of({"license": ["mit"]}) is None
    assert license_of(None) is None
    assert license_of({"license": "mit"}) == "mit"
    assert license_of({"license": "\u202eabc\u2066\x1b[31m\n"}) == "abc [31m"  # it stands between other facts
    assert license_of({"license": " \n\x00"}) is None
    assert parameters_of(infos.WeightCounts({}, 0, sharded=False)) is None
    assert parameters_of(infos.WeightCounts({"F32": 5}, 5, sharded=False)) == 5
    assert parameters_of(None) is None
