"""SQL over the splits of datasets at any commit, in a process that can read nothing else.

The tables of a query are the splits of a dataset: ``train``, or ``"config.train"``; those of further
revisions and datasets are in a schema of their own: ``old.train``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

import entrepot
from entrepot.errors import (
    Damaged,
    ExtraNotInstalled,
    LimitExceeded,
    QueryRefused,
    StoreUnavailable,
    Unavailable,
    UnsupportedDataset,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets.layouts import Layout, find_layout
from entrepot.hub.datasets.sandbox import FAILED, LENGTH, PIECE, READ
from entrepot.hub.repos import contents
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.tables import FORMATS, check_installed
from entrepot.storage.contents import Content

MAX_SQL = 64 << 10
"""Characters of a query."""

MAX_ROWS = 10_000
"""Rows of a result."""

MAX_FILES = 500
"""Files that the tables of a query have."""

MAX_SOURCES = 8
"""Revisions and datasets of a query."""

_MOST_RESULT = 8 << 20
_MOST_READ = 2 << 30
_CPU_S, _WALL_S, _WAIT_S = 10, 30.0, 20.0
_START = "import sys; sys.path.insert(0, sys.argv[1]); from entrepot.hub.datasets.sandbox import main; main()"


@attrs.frozen
class QuerySource:
    """A dataset at a revision; ``schema``: where its tables are, the empty text for names without one."""

    schema: str
    ref: RepoRef
    revision: str


@attrs.frozen
class QueryResult:
    """Features (with names, in order) and rows of a query; ``commits``: what was read, by schema.

    ``is_cut``: there are more rows, or only the beginning of a file was read.
    """

    features: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    is_cut: bool
    commits: Mapping[str, Oid]


@attrs.frozen
class QueryTable:
    """A table that a query may use, with its files."""

    schema: str
    name: str
    layout: Layout
    format: str
    paths: Sequence[str]


def run(
    hub: HubContext, caller: MaybeCaller, sources: Sequence[QuerySource], sql: str, *, most: int = 1_000
) -> QueryResult:
    """Return the result of one SELECT over the splits of datasets.

    Args:
        most: rows that are returned at most, up to 10,000.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access to one of the sources.
        QueryRefused: the query is not one SELECT, is wrong, or takes too long or too much memory.
        UnsupportedDataset, ExtraNotInstalled: the files cannot be read here.
        StoreUnavailable: too many queries run.
    """
    if not 0 < len(sources) <= MAX_SOURCES or len({source.schema.lower() for source in sources}) != len(sources):
        raise QueryRefused(f"it needs 1 to {MAX_SOURCES} sources with names of their own")
    layouts = {source.schema: find_layout(hub, caller, source.ref, source.revision) for source in sources}
    if len(sql) > MAX_SQL:
        raise QueryRefused(f"it has more than {MAX_SQL:,} characters")
    tables = [table for schema, layout in layouts.items() for table in query_tables(schema, layout)]
    used = [table for table in tables if _may_use(sql, table)]
    try:
        [result] = run_queries(hub, caller, used, [sql], most=min(most, MAX_ROWS))
    except QueryRefused as error:
        if "does not exist" not in error.reason:
            raise
        named = ", ".join(f"{table.schema}.{table.name}" if table.schema else table.name for table in tables[:20])
        raise QueryRefused(f"{error.reason} (its tables: {named})") from error
    commits = {schema: layout.commit for schema, layout in layouts.items()}
    return QueryResult(result["features"], result["rows"], result["is_cut"] or result["is_partial"], commits)


def query_tables(schema: str, layout: Layout) -> Iterator[QueryTable]:
    """Yield the tables of a dataset: each split, and those of the default configuration under the split's name too."""
    for config in layout.configs:
        if config.format not in FORMATS:
            continue
        for split, paths in config.splits.items():
            if config.is_default:
                yield QueryTable(schema, split, layout, config.format, paths)
            yield QueryTable(schema, f"{config.name}.{split}", layout, config.format, paths)


def _may_use(sql: str, table: QueryTable) -> bool:
    text = sql.lower()
    return all(part.lower().replace('"', '""') in text for part in (table.schema, table.name))


def run_queries(
    hub: HubContext,
    caller: MaybeCaller,
    tables: Sequence[QueryTable],
    queries: Sequence[str],
    *,
    most: int,
    hints: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the results of queries over these tables, each with ``features``, ``rows`` and ``is_cut``.

    Args:
        hints: features of columns of the results, by name, that their types do not tell.

    Raises:
        as :func:`run`.
    """
    results = try_queries(hub, caller, tables, queries, most=most, hints=hints)
    refused = next((result["refused"] for result in results if "refused" in result), None)
    if refused is not None:
        raise QueryRefused(refused)
    return results


def try_queries(
    hub: HubContext,
    caller: MaybeCaller,
    tables: Sequence[QueryTable],
    queries: Sequence[str],
    *,
    most: int,
    hints: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the result of each query, or why it was ``refused``; all run in one process.

    Raises:
        as :func:`run`, if none can run.
    """
    check_installed()
    _check_engine()
    if sum(len(table.paths) for table in tables) > MAX_FILES:
        raise QueryRefused(f"its tables have more than {MAX_FILES} files")
    with ExitStack() as stack:
        files = _Files(hub, caller, stack)
        request = {
            "queries": list(queries),
            "tables": [files.add(table) for table in tables],
            "max_rows": most,
            "max_bytes": _MOST_RESULT,
            "cpu_s": _CPU_S,
            "hints": dict(hints or {}),
        }
        stack.enter_context(_slot(hub))
        with _started() as process:
            return _Exchange(process, files).run(request)


def _check_engine() -> None:
    try:
        import resource  # noqa: F401

        import duckdb  # noqa: F401
    except ImportError as error:
        if error.name == "resource":
            raise QueryRefused("queries run on Linux and macOS only, where a process can be confined") from error
        raise ExtraNotInstalled("preview") from error


class _Files:
    """The files of the tables of a query, opened when they are read."""

    def __init__(self, hub: HubContext, caller: MaybeCaller, stack: ExitStack) -> None:
        self._hub, self._caller, self._stack = hub, caller, stack
        self._located: list[contents.LocatedFile] = []
        self._open: dict[int, Content] = {}
        self._left = _MOST_READ

    def add(self, table: QueryTable) -> dict[str, Any]:
        """Return the description of a table for the process."""
        files = []
        for path in table.paths:
            ref, commit = table.layout.repo.ref, str(table.layout.commit)
            located = contents.locate(self._hub, self._caller, ref, commit, RepoPath(path))
            files.append((len(self._located), located.size))
            self._located.append(located)
        names = list(table.paths)
        return {"schema": table.schema, "name": table.name, "format": table.format, "files": files, "names": names}

    def read(self, number: int, offset: int, length: int) -> bytes | None:
        """Return a range of a file; None if it cannot be read, or too much was read."""
        self._left -= length
        if number >= len(self._located) or self._left < 0 or length > PIECE:
            return None
        if number not in self._open:
            content = self._located[number].open(self._hub)
            self._stack.callback(content.close)
            self._open[number] = content
        return self._open[number].read_at(offset, length)


@contextmanager
def _slot(hub: HubContext) -> Iterator[None]:
    if not hub.query_slots.acquire(timeout=_WAIT_S):
        raise StoreUnavailable("the query engine", "other queries are running; try again later")
    try:
        yield
    finally:
        hub.query_slots.release()


@contextmanager
def _started() -> Iterator[subprocess.Popen[bytes]]:
    """Start the process; it is dead at the end of the block, and after 30 seconds in any case."""
    root = str(Path(entrepot.__file__).resolve().parents[1])
    process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        [sys.executable, "-I", "-c", _START, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    timer = threading.Timer(_WALL_S, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


class _Exchange:
    """The parent's side of the frames of ``hub/datasets/sandbox.py``."""

    def __init__(self, process: subprocess.Popen[bytes], files: _Files) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._files = process, files
        self._to: IO[bytes] = process.stdin
        self._from: IO[bytes] = process.stdout

    def run(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Send a request, serve what it reads, and return its results."""
        try:
            data = json.dumps(request).encode()
            self._send(LENGTH.pack(len(data)) + data)
            while (kind := self._exactly(1)) == b"R":
                self._serve()
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length > 2 * _MOST_RESULT + MAX_ROWS * 1000:
                raise EOFError
            answer = self._exactly(length)
        except (EOFError, BrokenPipeError):
            raise QueryRefused(
                f"it took more than {_CPU_S} seconds or too much memory; select fewer columns or rows"
            ) from None
        if kind == b"E":
            raise QueryRefused(answer.decode("utf-8", "replace"))
        results: list[dict[str, Any]] = json.loads(answer)
        return results

    def _serve(self) -> None:
        number, offset, length = READ.unpack(self._exactly(READ.size))
        try:
            data = self._files.read(number, offset, length)
        except (Damaged, Unavailable, UnsupportedDataset, LimitExceeded):
            data = None
        self._send(LENGTH.pack(FAILED) if data is None else LENGTH.pack(len(data)) + data)

    def _send(self, data: bytes) -> None:
        self._to.write(data)
        self._to.flush()

    def _exactly(self, length: int) -> bytes:
        data = self._from.read(length)
        if len(data) < length:
            raise EOFError
        return data
