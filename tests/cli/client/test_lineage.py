from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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


def test_a_copy_is_shown_as_inferred(at_hub: Run, fresh_name: str) -> None:
    Path("w.bin").write_bytes(bytes(range(256)) * 400 + fresh_name.encode())
    for name in (fresh_name, f"{fresh_name}-copy"):
        assert at_hub("upload", name, "w.bin", "-q").code == 0
    assert at_hub("lineage", fresh_name).out == (
        f"models/{fresh_name}-copy  shares_content  models/{fresh_name}  "
        "(inferred: 100% of the result, no one has stated it)\n"
    )
    [edge] = at_hub("lineage", f"{fresh_name}-copy", "--json").json["edges"]
    assert (edge["inferred"], edge["share"]) == (True, 1.0)
    assert "style=dashed" in at_hub("lineage", fresh_name, "--dot").out
    assert "hub:inferred" in at_hub("lineage", fresh_name, "--prov").out
