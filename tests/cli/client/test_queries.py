from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_query_is_run_at_a_revision(at_hub: Run, made: str, tmp_path: pathlib.Path) -> None:
    table = tmp_path / "train.csv"
    table.write_bytes(b"id,v\n1,a\n")
    first = at_hub("upload", made, str(table), "--json").json["commit"]
    table.write_bytes(b'id,v\n1,a\n2,"b\nc"\n')
    at_hub("upload", made, str(table))
    assert at_hub("sql", f"models/{made}", "select * from train").out.splitlines() == ["id  v", "1   a", "2   b c"]
    assert at_hub("sql", f"models/{made}@{first}", "select count(*) n from train", "--json").json["rows"] == [{"n": 1}]
    diff = "select n.id from train n anti join old.train o using (id)"
    assert at_hub("sql", f"models/{made}", diff, "--with", f"old=models/{made}@{first}").out.split() == ["id", "2"]
    cut = at_hub("sql", f"models/{made}", "select * from train", "--limit", "1")
    assert "only the first 1 row" in cut.err


def test_wrong_queries_are_refused(at_hub: Run, made: str) -> None:
    assert at_hub("sql", "@v1", "select 1").code == 2
    assert at_hub("sql", made, "select 1", "--with", "old").code == 2
    assert at_hub("sql", made, "select 1").code == 1
