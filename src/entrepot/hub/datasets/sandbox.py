"""The process that runs queries: it reads nothing but the bytes that its parent sends.

It receives one request, and asks for ranges of the files that
the request names. Before the first query it gives up the ability to open
files, sockets and devices, which the kernel enforces. DuckDB itself is
locked too. ``hub/datasets/queries.py`` is the other side. On Linux it is a copy of the process of
``hub/datasets/sandbox_server.py``, elsewhere it runs :func:`main`.
The frames are those of ``hub/tables/child_pipes.py``; ``A`` and ``E`` end the process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.hub.datasets.column_statistics import quoted, sql_names
from entrepot.hub.tables.child_pipes import ChildPipe, RemoteFile, confine, limit_work, seal_limits
from entrepot.hub.tables.lean_imports import leave_out_numpy

_MAX_MEMORY = 4 << 30
_DUCKDB_MEMORY = "768MB"
_CELL_ROWS = 256
_ADVICE = "Possible solutions:"  # of DuckDB, for those who may change its settings
_TOO_LARGE = "it takes more memory than a query may; sort, group or return fewer rows"

_SHAPES: Mapping[str, Sequence[str]] = {
    "where": ("SELECT [{}]", "SELECT ({})"),
    "orderby": ("SELECT row_number() OVER (ORDER BY {}, 1)", "SELECT 1 ORDER BY {}, 1 LIMIT 1"),
}
"""Queries around a condition or an order; all of them can be parsed only if it is exactly one."""

_LOCKS = {
    "TimeZone": "UTC",
    "memory_limit": _DUCKDB_MEMORY,
    "temp_directory": "",
    "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
}


class _Refused(Exception):
    """A query is refused, with the reason."""


def main() -> None:
    """Run the queries of one request that comes over standard input."""
    leave_out_numpy()
    serve(ChildPipe.take_standard())


def warm() -> None:
    """Import what queries need, and run one, which makes the next one faster."""
    import pyarrow as pa
    import pyarrow.dataset

    from entrepot.previews import media  # noqa: F401 - used later
    from entrepot.previews.tables import table_files  # noqa: F401

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _warm_results()
    with contextlib.closing(_connect()) as connection:
        connection.register("_source", pa.table({"a": [1]}))
        connection.execute("SELECT a, count(*) FROM _source GROUP BY a ORDER BY a").to_arrow_reader(1).read_all()


def serve(pipe: ChildPipe) -> None:
    """Run the queries of one request."""
    try:
        pipe.send(b"A", _run(pipe, pipe.request()))
    except EOFError:
        return
    except _Refused as error:
        pipe.send(b"E", str(error).encode())


def _run(pipe: ChildPipe, request: Mapping[str, Any]) -> bytes:
    import duckdb
    import pyarrow as pa

    from entrepot.errors import EntrepotError

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    limit_work(request["cpu_s"], _MAX_MEMORY)  # before a table is opened: some formats are decompressed then
    seal_limits()
    connection = _connect()
    is_partial = False
    for at, table in enumerate(request["tables"]):
        try:
            opened, is_cut = _open(pipe, table)
            is_partial = is_partial or is_cut
            if not opened.schema.names:  # the engine would count its rows for ever
                raise _Refused(f"the table {table['name']!r} has no columns")
            connection.register(f"_source{at}", opened)
        except (EntrepotError, pa.ArrowException, ValueError, OSError, MemoryError) as error:
            raise _Refused(_line(error)) from error
        name = quoted(table["name"])
        if table["schema"]:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table['schema'])}")
            name = f"{quoted(table['schema'])}.{name}"
        columns = ", ".join(map(quoted, sql_names(opened.schema.names)))
        connection.execute(f"CREATE VIEW {name} ({columns}) AS SELECT * FROM _source{at}")  # noqa: S608 - quoted names
    for key, value in _LOCKS.items():
        connection.execute(f"SET {key} = '{value}'")
    _warm_results()
    confine()
    for shape, text in request["parts"].items():
        _check_part(connection, shape, text)
    results = []
    for sql in request["queries"]:
        try:
            results.append({**_answer(connection, sql, request), "is_partial": is_partial})
        except _Refused as error:
            results.append({"refused": str(error)})
        except (duckdb.Error, pa.ArrowException, OSError, ValueError, TypeError, MemoryError, RuntimeError) as error:
            results.append({"refused": _line(error)})
    return json.dumps(results, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _connect() -> Any:  # noqa: ANN401 - of duckdb
    import duckdb

    return duckdb.connect(":memory:", config={"threads": "1"})


def _check_part(connection: Any, shape: str, text: str) -> None:  # noqa: ANN401 - of duckdb
    """Raise unless the text is exactly one condition or one order, so that it cannot change the query around it."""
    import duckdb

    for query in _SHAPES[shape]:
        try:
            is_one = len(connection.extract_statements(query.format(text))) == 1
        except (duckdb.Error, ValueError, RuntimeError):
            is_one = False
        if not is_one:
            raise _Refused(f"{shape!r} must be one SQL expression, with strings in single quotes")


def _open(pipe: ChildPipe, table: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return a table, of Parquet files, which are read when needed, or in memory; and whether only a part was read."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    from entrepot.previews.tables.arrow_tables import ArrowTable
    from entrepot.previews.tables.table_files import open_table
    from entrepot.previews.tables.table_sources import TableSource

    sources = [RemoteFile(pipe, number, size) for number, size in table["files"]]
    if table["format"] == "parquet":
        form = ds.ParquetFileFormat()
        fragments = [form.make_fragment(pa.PythonFile(TableSource(source), mode="r")) for source in sources]
        return ds.FileSystemDataset(fragments, schema=fragments[0].physical_schema, format=form), False
    named = zip(table["names"], sources, strict=True)
    read = [open_table(table["format"], name, source, separator=table["separator"]) for name, source in named]
    tables = [item.table for item in read if isinstance(item, ArrowTable)]
    return pa.concat_tables(tables, promote_options="permissive"), any(item.is_partial for item in read)


def _warm_results() -> None:
    """Load what the conversion of results loads late, while files can still be opened."""
    import datetime

    import pyarrow as pa

    from entrepot.previews import features, row_pages  # noqa: F401 - used later

    now = pa.array([datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)], pa.timestamp("us", tz="UTC"))
    rows = pa.table({"t": now, "d": pa.array([1.5]).cast(pa.decimal128(5, 2)), "l": [[1]]})
    shown = features.features_of(rows.schema)
    json.dumps([features.cell_of(value, shown["t"]) for row in rows.to_pylist() for value in row.values()])


def _answer(connection: Any, sql: str, request: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - of duckdb
    """Return features and rows of one query."""
    import duckdb

    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _Refused("it must be one SELECT")
    reader = connection.execute(sql).to_arrow_reader(_CELL_ROWS)
    from entrepot.previews.features import cell_of, features_of, order_of
    from entrepot.previews.media import leave_out_bytes
    from entrepot.previews.row_pages import weigh

    names = _unique(reader.schema.names)
    kinds = [
        features_of(reader.schema.empty_table().select([at]).schema)[name]
        for at, name in enumerate(reader.schema.names)
    ]
    kinds = [request["hints"].get(name, kind) for name, kind in zip(names, kinds, strict=True)]
    rows: list[dict[str, Any]] = []
    left, is_cut = request["max_bytes"], False
    for batch in reader:
        columns = [column.to_pylist() for column in batch.columns]
        for at in range(batch.num_rows):
            values = [column[at] for column in columns]
            known = request["hints"]
            values = [it if name in known else leave_out_bytes(it) for name, it in zip(names, values, strict=True)]
            row = {name: cell_of(it, kind) for name, it, kind in zip(names, values, kinds, strict=True)}
            left -= sum(weigh(cell) for cell in row.values())
            if len(rows) >= request["max_rows"] or left < 0:
                is_cut = True
                break
            rows.append(row)
        if is_cut:
            break
    return {"features": order_of(dict(zip(names, kinds, strict=True))), "rows": rows, "is_cut": is_cut}


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names of columns, with numbers behind those that occur before."""
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            free, number = f"{name}_{number}", number + 1
        found.append(free)
    return found


def _line(error: BaseException) -> str:
    """Return the first lines of a message, which name no internals."""
    import duckdb

    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return _TOO_LARGE
    text = (str(error).strip() or type(error).__name__).partition(_ADVICE)[0]
    return " ".join(line.strip() for line in text.splitlines()[:3] if line.strip())[:500]
