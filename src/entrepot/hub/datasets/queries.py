"""SQL over the splits of datasets at any commit, in a process that can read nothing else.

The tables of a query are the splits of a dataset: ``train``, or ``"config.train"``; those of further
revisions and datasets are in a schema of their own: ``old.train``.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs

from entrepot.errors import ExtraNotInstalled, LimitExceeded, QueryRefused, StoreUnavailable, UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import query_results
from entrepot.hub.datasets.folder_contents import FolderContent
from entrepot.hub.datasets.layouts import Layout, SplitFiles, find_layout
from entrepot.hub.repos import contents
from entrepot.hub.tables.exchanges import ChildProcess, Exchange, ProcessEnded, end_process, killed_after
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.table_formats import FOLDERS, FORMATS, check_installed
from entrepot.storage.contents import Content

MAX_SQL = 64 << 10
"""Characters of a query."""

MAX_ROWS = 10_000
"""Rows of a result."""

MAX_FILES = 500
"""Files that the tables of a query have."""

MAX_SOURCES = 8
"""Revisions and datasets of a query."""

MAX_CPU_S = 10
"""Seconds of processor time of a query."""

MAX_S = 15
"""Seconds from the start of a query to its end; it may have waited for others before."""

MAX_COMPARED = 1 << 28
"""Characters of a query, times the names of tables that are looked for in it."""

_MAX_RESULT = 8 << 20
_MAX_READ = 2 << 30
_WAIT_S = 20.0
_MAX_ANSWER = 2 * _MAX_RESULT + MAX_ROWS * 1000
# DuckDB guesses a name among its own tables too, which are of no use here.
_GUESS = re.compile(r'(?<=does not exist!) Did you mean "[^"]*"\?')


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
    files: SplitFiles
    split: str


def run(
    hub: HubContext, caller: MaybeCaller, sources: Sequence[QuerySource], sql: str, *, most: int = 1_000
) -> QueryResult:
    """Return the result of one SELECT over the splits of datasets.

    Args:
        most: rows that are returned at most, up to 10,000.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access to one of the sources.
        QueryRefused: the query is not one SELECT, is wrong, too long, or takes too long or too much memory.
        UnsupportedDataset, ExtraNotInstalled: the files cannot be read here.
        StoreUnavailable: too many queries run.
    """
    if not 0 < len(sources) <= MAX_SOURCES or len({source.schema.lower() for source in sources}) != len(sources):
        raise QueryRefused(f"it needs 1 to {MAX_SOURCES} sources with different names")
    layouts = {source.schema: find_layout(hub, caller, source.ref, source.revision) for source in sources}
    if len(sql) > MAX_SQL:
        raise QueryRefused(f"it has more than {MAX_SQL:,} characters")
    tables = [table for schema, layout in layouts.items() for table in query_tables(schema, layout)]
    used = _find_used(sql, tables)
    try:
        [result] = run_queries(hub, caller, used, [sql], most=min(most, MAX_ROWS))
    except QueryRefused as error:
        if "does not exist" not in error.reason:
            raise
        named = ", ".join(f"{table.schema}.{table.name}" if table.schema else table.name for table in tables[:20])
        reason = _GUESS.sub("", error.reason) if "Table with name" in error.reason else error.reason
        raise QueryRefused(f"{reason} (its tables: {named})") from error
    commits = {schema: layout.commit for schema, layout in layouts.items()}
    return QueryResult(result["features"], result["rows"], result["is_cut"] or result["is_partial"], commits)


def query_tables(schema: str, layout: Layout) -> Iterator[QueryTable]:
    """Yield the tables of a dataset: each split, and those of the default configuration under the split's name too."""
    for config in layout.configs:
        if config.format not in FORMATS | FOLDERS and config.name not in layout.made:
            continue
        for split in config.splits:
            try:
                files = layout.table(config.name, split)
            except UnsupportedDataset:
                continue
            if config.is_default:
                yield QueryTable(schema, split, layout, files, split)
            yield QueryTable(schema, f"{config.name}.{split}", layout, files, split)


def _find_used(sql: str, tables: Sequence[QueryTable]) -> list[QueryTable]:
    """Return the tables whose names occur in a query: those that it uses, and perhaps others.

    Raises:
        QueryRefused: the query is too long for so many tables.
    """
    if len(sql) * len(tables) > MAX_COMPARED:
        most = MAX_COMPARED // len(tables)
        raise QueryRefused(f"with {len(tables):,} tables, it may have {most:,} characters; it has {len(sql):,}")
    text = sql.lower()
    schemas = {schema for schema in {table.schema for table in tables} if _spelled(schema) in text}
    return [table for table in tables if table.schema in schemas and _spelled(table.name) in text]


def _spelled(name: str) -> str:
    """Return a name as it occurs in a query in lower case, in quotes or without."""
    return name.lower().replace('"', '""')


def run_queries(
    hub: HubContext,
    caller: MaybeCaller,
    tables: Sequence[QueryTable],
    queries: Sequence[str],
    *,
    most: int,
    hints: Mapping[str, Any] | None = None,
    parts: Mapping[str, str] | None = None,
) -> list[Mapping[str, Any]]:
    """Return the results of queries over these tables, each with ``features``, ``rows`` and ``is_cut``.

    Args:
        hints: features of columns of the results, by name, that their types do not tell.
        parts: texts of the caller within the queries: a condition (``where``) and an order (``orderby``).

    Raises:
        as :func:`run`.
    """
    results = try_queries(hub, caller, tables, queries, most=most, hints=hints, parts=parts)
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
    parts: Mapping[str, str] | None = None,
) -> list[Mapping[str, Any]]:
    """Return the result of each query, or why it was ``refused``; all run in one process, which runs nothing else.

    Results over the same bytes are remembered; whether the caller may read each file is checked first.

    Raises:
        as :func:`run`, if none can run.
    """
    check_installed()
    _check_engine()
    if sum(1 if table.files.folder else len(table.files.paths) for table in tables) > MAX_FILES:
        raise QueryRefused(f"its tables have more than {MAX_FILES} files")
    with ExitStack() as stack:
        files = _Files(hub, caller, stack)
        request = {
            "queries": list(queries),
            "tables": [files.add(table) for table in tables],
            "max_rows": most,
            "max_bytes": _MAX_RESULT,
            "cpu_s": MAX_CPU_S,
            "hints": dict(hints or {}),
            "parts": dict(parts or {}),
        }
        key = query_results.key_of(request, files.keys)
        known = query_results.find(hub, key)
        if known is not None:
            return known
        stack.enter_context(_slot(hub))
        process = hub.query_processes.start()
        stack.callback(end_process, process)
        answer = _answer(process, files, request)
    results: list[Mapping[str, Any]] = json.loads(answer)
    if query_results.may_keep([*queries, *(parts or {}).values()], results):
        hub.query_results.put(key, answer)
    return results


def _answer(process: ChildProcess, files: _Files, request: Mapping[str, Any]) -> bytes:
    try:
        with killed_after(process, MAX_S):
            kind, answer = Exchange(process, files.read, _MAX_ANSWER).run(request)
    except ProcessEnded:
        raise QueryRefused(
            f"it took more than {MAX_CPU_S} seconds of processor time, more than {MAX_S} seconds in all, "
            "or too much memory; select fewer columns or rows"
        ) from None
    if kind != b"A":
        raise QueryRefused(answer.decode("utf-8", "replace"))
    return answer


def _check_engine() -> None:
    if importlib.util.find_spec("resource") is None:
        raise QueryRefused("queries run on Linux and macOS only, where a process can be confined")
    if importlib.util.find_spec("duckdb") is None:
        raise ExtraNotInstalled("preview")


class _Files:
    """The files of the tables of a query, opened when they are read; ``keys``: what names the bytes of each."""

    def __init__(self, hub: HubContext, caller: MaybeCaller, stack: ExitStack) -> None:
        self._hub, self._caller, self._stack = hub, caller, stack
        self.keys: list[str] = []
        self._located: list[contents.LocatedFile | FolderContent] = []
        self._open: dict[int, Content | FolderContent] = {}
        self._left = _MAX_READ

    def add(self, table: QueryTable) -> dict[str, Any]:
        """Return the description of a table for the process."""
        files, paths, form = [], table.files.paths, table.files.format
        if table.files.folder is not None:
            made = FolderContent(self._hub, table.files.folder, table.split, functools.partial(self._locate, table))
            self._open[len(self._located)] = self._stack.enter_context(made)
            files, paths = [(len(self._located), made.size)], ["the folder"]
            self._located.append(made)
        else:
            for path in paths:
                located = self._locate(table, path)
                files.append((len(self._located), located.size))
                self._located.append(located)
        self.keys += [f"{table.layout.repo.id}:{self._located[number].content_key}" for number, _ in files]
        names = list(paths)
        described = {"schema": table.schema, "name": table.name, "format": form, "files": files, "names": names}
        return {**described, "separator": table.files.separator}

    def _locate(self, table: QueryTable, path: str) -> contents.LocatedFile:
        ref, commit = table.layout.repo.ref, str(table.files.commit)
        return contents.locate(self._hub, self._caller, ref, commit, RepoPath(path))

    def read(self, number: int, offset: int, length: int) -> bytes:
        """Return a range of a file.

        Raises:
            LimitExceeded: too much was read.
            BlobMissing, BlobUnreadable, XorbDamaged: it cannot be read.
        """
        self._left -= length
        if number >= len(self._located) or self._left < 0:
            raise LimitExceeded("the number of bytes read for a query", _MAX_READ)
        if number not in self._open:
            located = self._located[number]
            assert isinstance(located, contents.LocatedFile)  # others are open already
            content = located.open(self._hub)
            self._stack.callback(content.close)
            self._open[number] = content
        return self._open[number].read_at(offset, length)


@contextmanager
def _slot(hub: HubContext) -> Iterator[None]:
    if not hub.query_slots.acquire(timeout=_WAIT_S):
        raise StoreUnavailable("the query engine", "it is running other queries; try again later")
    try:
        yield
    finally:
        hub.query_slots.release()
