from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_sources_are_recorded_and_shown(at_hub: Run, made: str) -> None:
    empty = at_hub("lineage", made)
    assert (empty.out, empty.err) == ("", f"nothing is recorded about {made}; --add records a source\n")
    added = at_hub("lineage", made, "--add", f"datasets/org/d@{'1' * 40}", "--add", "org/base", "--json")
    assert added.json == {"repo": made, "added": 2}
    lines = sorted(at_hub("lineage", made, "--up").out.splitlines())
    assert [line.partition("  ")[2] for line in lines] == [
        "derived_from  models/org/base  (api)  not on this hub, or not for you",
        "trained_on  datasets/org/d@1111111111  (api)  not on this hub, or not for you",
    ]
    assert len(at_hub("lineage", made, "--json").json["edges"]) == 2
    assert at_hub("lineage", made, "--dot").out.startswith("digraph lineage {")
    assert "wasDerivedFrom" in at_hub("lineage", made, "--prov").out


def test_an_unknown_kind_of_lineage_is_refused(at_hub: Run, made: str) -> None:
    outcome = at_hub("lineage", made, "--add", "org/d", "--kind", "made")
    assert outcome.code == 1
    assert "the kind 'made' is not one of trained_on" in outcome.err
