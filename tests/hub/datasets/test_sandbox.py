from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from entrepot.hub.datasets import sandbox


def test_a_parent_that_is_gone_ends_the_process() -> None:
    script = "from entrepot.hub.datasets.sandbox import main; main()"
    done = subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, b"")


CONDITIONS = [
    "1=1; select 1",
    "1=1 -- x",
    "true) union select 1, 2, 3, 4 from read_text('/etc/passwd') where (1=1",
    "true) group by all having (false",
    "true) qualify (row_number() over () > 1000",
    "true) limit 0 -- ",
    "true] or [true",
    "x for x in [true]",
    "select true",
    "'",
]
ORDERS = ["id limit 0", "id) union (select 1", "1 --", "id; select 1", "all) rows (1", "id rows 1 preceding", ""]


def test_parts_of_queries_are_one_expression_each() -> None:
    connection = duckdb.connect(":memory:")
    for shape, texts in (("where", CONDITIONS), ("orderby", ORDERS)):
        for text in texts:
            with pytest.raises(sandbox._Refused, match="must be one SQL expression"):
                sandbox._check_part(connection, shape, text)
    for text in (
        "a = 1",
        "\"a\" <> 'x;y -- /*' /* z */",
        "exists (select 1 from data where a = 2)",
        "a in (1, 2) or {x}",
    ):
        sandbox._check_part(connection, "where", text.replace("{x}", "b"))
    for text in ("a", '"a" desc nulls first, b', "length(b) asc, random()"):
        sandbox._check_part(connection, "orderby", text)


def test_a_message_of_the_engine_has_no_advice_that_nobody_can_follow() -> None:
    advised = duckdb.InvalidInputException("Invalid Input Error: no\n\nPossible solutions:\n* SET threads")
    assert sandbox._line(advised) == "Invalid Input Error: no"


def test_too_little_memory_is_told_without_settings_of_the_engine() -> None:
    for error in (duckdb.OutOfMemoryException("Out of Memory Error: .tmp/duckdb_temp_1_0_owner"), MemoryError()):
        assert sandbox._line(error).startswith("it takes more memory than a query may")
