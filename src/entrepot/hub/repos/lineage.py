"""Lineage: what a commit was made from, and what was made from it.

Sources of edges: cards (``hub/jobs/cards.py``), lines of commit messages
(``hub/jobs/indexing.py``), and requests. Edges between repositories that share
content are inferred when they are asked for, and never stored. A repository that the caller may not
see appears as one that does not exist: as a name, if a visible repository
names it, and not at all as the result of something.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.cards.lineage import KINDS, LineageInput, usual_kind
from entrepot.catalog import Lock, Read
from entrepot.catalog.files import file_links, shared_content
from entrepot.catalog.repos import commits, lineage, repositories
from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntrepotError, LimitExceeded, Malformed, RepoMoved
from entrepot.hub import access, callers, revisions
from entrepot.hub.callers import MaybeCaller, read_by, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.jobs.indexing import adopt_lineage, edges_of, index_briefly
from entrepot.names import Oid, RepoId, RepoRef, RepoType, parse_wanted_id

__all__ = [
    "LineageEdge",
    "LineageGraph",
    "LineageInput",
    "LineageNode",
    "LineageOutput",
    "add",
    "add_run",
    "find",
    "known_sources",
    "of_run",
    "usual_kind",
]

MAX_DEPTH = 20
"""Maximum number of steps from the repository to the edge of a graph."""

MAX_EDGES = 1_000
"""Maximum number of edges in a graph."""

MAX_INFERRED = 20
"""Maximum number of inferred edges in a graph; those of the most shared bytes are kept."""

INFERRED = "inferred"
"""The origin of edges that are inferred: the repositories share content."""

_LEAST_SHARE = 0.2  # of the smaller repository

MAX_ADDED = 200
"""Maximum number of edges that one request adds to one commit."""

MAX_OUTPUTS = 20
"""Maximum number of results of a run that one request names."""


@attrs.frozen
class LineageNode:
    """A repository of a graph; ``row`` is None if it is not on this hub, or not for the caller."""

    type: RepoType
    name: str
    row: RepoRow | None

    @property
    def key(self) -> tuple[RepoType, str]:
        """What identifies the node."""
        return self.type, self.name.lower()


@attrs.frozen
class LineageEdge:
    """An edge from a source to a result.

    ``shared_bytes``, ``share``: of an inferred edge, about how many bytes both have, and which part of the large
    files of the result these are. The source of such an edge had them first.
    """

    source: LineageNode
    result: LineageNode
    row: EdgeRow
    shared_bytes: int = 0
    share: float = 0.0

    @property
    def is_inferred(self) -> bool:
        """Whether the hub has inferred the edge."""
        return self.row.origin == INFERRED


@attrs.frozen
class LineageGraph:
    """Nodes and edges around a repository (the first node), or of a run. ``is_complete``: False if cut."""

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    is_complete: bool


@attrs.frozen
class LineageOutput:
    """What a run made: the commit of a repository that a revision names, and its sources."""

    ref: RepoRef
    revision: str
    inputs: Sequence[LineageInput]


def find(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, revision: str | None, up: bool, down: bool, depth: int
) -> LineageGraph:
    """Return what a repository was made from (``up``) and what was made from it (``down``).

    Args:
        revision: only statements about this commit and its ancestors, and only uses of this very commit or
            of no certain one; None: everything.
        depth: steps from the repository, 1 to 20.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
        HistoryBeingIndexed: too many commits are new.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        oid = revisions.resolve(tx, row.id, revision) if revision is not None else None
        head = oid or repositories.heads_of(tx, [row.id]).get(row.id)
    if head is not None:
        index_briefly(hub, row.id, head)  # the lines of the newest messages may not have been read yet
        adopt_lineage(hub, row.id)
    with hub.read() as tx:
        walk = _Walk(tx, caller, row, oid)
        if up:
            walk.up(depth)
        if down:
            walk.down(depth)
        if oid is None:
            walk.infer(up=up, down=down)
        return walk.graph()


def known_sources(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Sequence[LineageEdge]:
    """Return what a repository was made from, by the messages and cards read so far: one step, and no waiting.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        walk = _Walk(tx, caller, access.visible(tx, caller, ref), None)
        walk.up(1)
        return walk.graph().edges


def of_run(hub: HubContext, caller: MaybeCaller, run: str) -> LineageGraph:
    """Return the inputs and outputs of a run that the caller may see; empty for an unknown run."""
    with hub.read() as tx:
        walk = _Walk(tx, caller, None, None)
        walk.run(run)
        return walk.graph()


def add(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, inputs: Sequence[LineageInput], run: str
) -> int:
    """Record the sources of a commit; return the number of edges. Known edges are left as they are.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed, RevisionNotFound: no access, or the revision does not exist.
        LimitExceeded: more than 200 edges.
        Malformed: a kind is unknown.
    """
    return add_run(hub, caller, [LineageOutput(ref, revision, inputs)], run)


def add_run(hub: HubContext, caller: MaybeCaller, outputs: Sequence[LineageOutput], run: str) -> int:
    """Record the sources of several commits, all or nothing; return the number of edges, as :func:`add` does.

    Raises:
        as :func:`add`, for each repository.
        LimitExceeded: more than 20 commits.
    """
    if len(outputs) > MAX_OUTPUTS:
        raise LimitExceeded("the number of results of a run", MAX_OUTPUTS)
    for output in outputs:
        _check(output.inputs)
    made: list[tuple[RepoRow, Oid, Sequence[LineageInput]]] = []
    with hub.read() as tx:
        author = callers.require_login(caller) if not outputs else None
        for output in outputs:
            row, author = access.committable(tx, caller, output.ref)
            made.append((row, revisions.resolve(tx, row.id, output.revision), output.inputs))
    if author is None or not made:
        return 0
    with hub.write(*(Lock.repo(key) for key in sorted({row.id for row, _, _ in made})), by=caller) as tx:
        for row, oid, inputs in made:
            access.committable(tx, author, row.ref)
            lineage.put(tx, edges_of(row.id, oid, inputs, run, lineage.API, hub.now_ms()))
    return sum(len(inputs) for _, _, inputs in made)


def _check(inputs: Sequence[LineageInput]) -> None:
    if len(inputs) > MAX_ADDED:
        raise LimitExceeded("the number of edges in a request", MAX_ADDED)
    for item in inputs:
        if item.kind not in KINDS:
            raise Malformed("lineage", f"the kind {item.kind[:50]!r} is not one of {', '.join(KINDS)}")


class _Walk:
    """A walk over edges, level by level, within what the caller may see."""

    def __init__(self, tx: Read, caller: MaybeCaller, root: RepoRow | None, oid: Oid | None) -> None:
        self._tx, self._caller, self._root, self._oid = tx, caller, root, oid
        self._nodes: dict[tuple[RepoType, str], LineageNode] = {}
        self._names: dict[tuple[RepoType, str], LineageNode] = {}
        self._edges: dict[EdgeRow, LineageEdge] = {}
        self._is_complete = True
        if root is not None:
            self._add(LineageNode(root.type, str(root.ref.id), root))

    def graph(self) -> LineageGraph:
        return LineageGraph(tuple(self._nodes.values()), tuple(self._edges.values()), self._is_complete)

    def up(self, depth: int) -> None:
        assert self._root is not None
        level, seen = {self._root.id: self._root}, {self._root.id}
        for _ in range(depth):
            rows = self._within(lineage.sources_of(self._tx, list(level), limit=MAX_EDGES + 1))
            level_before, level = level, {}
            for row in self._concerning(rows):
                source = self._named(row.source_type, row.source_name)
                result = level_before[row.repo_id]
                self._connect(source, LineageNode(result.type, str(result.ref.id), result), row)
                if source.row is not None and source.row.id not in seen:
                    seen.add(source.row.id)
                    level[source.row.id] = source.row
            if not level:
                return

    def down(self, depth: int) -> None:
        assert self._root is not None
        level, seen = {self._root.id: self._root}, {self._root.id}
        for _ in range(depth):
            names = [(row.type, name) for row in level.values() for name in self._all_names(row)]
            rows = self._within(lineage.uses_of(self._tx, names, seen_by(self._caller), limit=MAX_EDGES + 1))
            results = self._visible({row.repo_id for row in rows})
            level = {}
            for row in rows:
                result, source = results.get(row.repo_id), self._named(row.source_type, row.source_name)
                if result is None or source.row is None or not self._is_use(source.row, row):
                    continue
                self._connect(source, LineageNode(result.type, str(result.ref.id), result), row)
                if result.id not in seen:
                    seen.add(result.id)
                    level[result.id] = result
            if not level:
                return

    def infer(self, *, up: bool, down: bool) -> None:
        """Add edges to and from the repositories that share content with the root, one step far.

        Only what the caller can read is compared, and only repositories that no edge connects with the root yet.
        """
        root = self._root
        if root is None or not access.may_read(self._tx, self._caller, root):
            return
        stated = self._neighbours()
        shared = shared_content.find(self._tx, root.id, read_by(self._caller))
        found = [one for one in shared if (up if one.is_older else down)][: 2 * MAX_INFERRED]
        rows = self._visible({one.repo_id for one in found})
        sizes = file_links.used_bytes(self._tx, [root.id, *rows])
        here, added = LineageNode(root.type, str(root.ref.id), root), 0
        for one in found:
            row = rows.get(one.repo_id)
            if row is None or added == MAX_INFERRED:
                continue
            there = LineageNode(row.type, str(row.ref.id), row)
            if there.key in stated or one.bytes < _LEAST_SHARE * min(sizes.get(root.id, 0), sizes.get(row.id, 0)):
                continue
            added += 1
            source, result = (there, here) if one.is_older else (here, there)
            self._connect_inferred(source, result, one.bytes, sizes)

    def _neighbours(self) -> set[tuple[RepoType, str]]:
        """Return the keys of the repositories that a stated edge connects with the root, in either direction."""
        near = _Walk(self._tx, self._caller, self._root, None)
        near.up(1)
        near.down(1)
        return set(near._nodes)

    def _connect_inferred(self, source: LineageNode, result: LineageNode, shared: int, sizes: dict[int, int]) -> None:
        assert result.row is not None
        edge = EdgeRow(
            repo_id=result.row.id,
            oid=Oid(""),
            kind="shares_content",
            source_type=source.type,
            source_name=source.name,
            source_oid="",
            run="",
            origin=INFERRED,
            created_ms=result.row.created_ms,
        )
        share = min(shared / max(sizes.get(result.row.id, 0), 1), 1.0)
        self._edges[edge] = LineageEdge(self._add(source), self._add(result), edge, shared, share)

    def run(self, run: str) -> None:
        found = lineage.edges_of_run(self._tx, run, seen_by(self._caller), limit=MAX_EDGES + 1) if run else []
        rows = self._within(found)
        results = self._visible({row.repo_id for row in rows})
        for row in rows:
            result = results.get(row.repo_id)
            if result is not None:
                source = self._named(row.source_type, row.source_name)
                self._connect(source, LineageNode(result.type, str(result.ref.id), result), row)

    def _within(self, rows: list[EdgeRow]) -> list[EdgeRow]:
        left = MAX_EDGES - len(self._edges)
        if len(rows) > left:
            self._is_complete = False
        return rows[: max(left, 0)]

    def _concerning(self, rows: list[EdgeRow]) -> list[EdgeRow]:
        """Leave out statements about the root that are not about the asked revision or an ancestor of it."""
        if self._root is None or self._oid is None:
            return rows
        stated = {row.oid for row in rows if row.repo_id == self._root.id}
        reached = commits.reached(self._tx, self._root.id, stated, [self._oid])
        return [row for row in rows if row.repo_id != self._root.id or row.oid in reached]

    def _is_use(self, source: RepoRow, row: EdgeRow) -> bool:
        is_root = self._root is not None and source.id == self._root.id
        return not is_root or self._oid is None or row.source_oid in ("", self._oid)

    def _all_names(self, row: RepoRow) -> list[str]:
        return [str(row.ref.id), *lineage.former_names(self._tx, row.id)]

    def _visible(self, ids: set[int]) -> dict[int, RepoRow]:
        found = repositories.by_ids(self._tx, sorted(ids))
        return {
            key: row
            for key, row in found.items()
            if access.may_see(self._tx, self._caller, row) and not row.is_disabled
        }

    def _named(self, kind: RepoType, name: str) -> LineageNode:
        """Return the node of a source: under its current name if the caller may see it, else as it was named."""
        key = (kind, name.lower())
        if key not in self._names:
            self._names[key] = self._look_up(kind, name)
        return self._names[key]

    def _look_up(self, kind: RepoType, name: str) -> LineageNode:
        wanted = parse_wanted_id(name)
        try:
            row = access.visible(self._tx, self._caller, RepoRef(kind, wanted))
        except RepoMoved as moved:
            namespace, _, rest = moved.new.partition("/")
            found = repositories.find(self._tx, RepoRef(kind, RepoId(namespace, rest)))
            return LineageNode(kind, moved.new, found)
        except EntrepotError:
            return LineageNode(kind, name, None)
        return LineageNode(kind, str(row.ref.id), row)

    def _connect(self, source: LineageNode, result: LineageNode, row: EdgeRow) -> None:
        self._edges.setdefault(row, LineageEdge(self._add(source), self._add(result), row))

    def _add(self, node: LineageNode) -> LineageNode:
        return self._nodes.setdefault(node.key, node)
