"""Metrics of a model: those of its cards over tags and commits, and the scalars in the files of one revision.

Metrics of ML-Git models are in their cards (``docs/ml-git-formats.md``, section Versions on a hub). All that is
read is bounded, in revisions, bytes and time; what is left out makes a result incomplete.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from entrepot.cards.card_metrics import metrics_of, read_card_metrics
from entrepot.cards.yaml_values import JsonValue
from entrepot.catalog import Read
from entrepot.catalog.repos import commits, refs
from entrepot.errors import Damaged, EntrepotError, EntryNotFound, LimitExceeded, Malformed, NotAllowed, Unavailable
from entrepot.hub import access, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs.indexing import index_briefly
from entrepot.hub.repos import contents
from entrepot.names import MAIN, ROOT, Oid, RepoPath, RepoRef
from entrepot.previews.metric_files import MetricSeries, is_metric_file, read_metric_file, series_of
from entrepot.previews.time_limits import is_out_of_time, time_limit
from entrepot.storage import histories
from entrepot.storage import objects as stored
from entrepot.storage.histories import LoggedCommit
from entrepot.storage.trees import Trees

MAX_REVISIONS = 50
"""Revisions whose cards are read."""

MAX_BYTES = 8 << 20
"""Bytes of files of metrics that are read."""

MAX_SERIES = 60
"""Series of one revision."""

MAX_COMPARED = 5
"""Models that are compared with another one."""

_CARD = RepoPath("README.md")
_MAX_CARD, _MAX_TAGS, _MAX_ENTRIES, _MAX_FILES = 1 << 20, 500, 20_000, 50


@attrs.frozen
class RevisionMetrics:
    """The metrics of the card at a commit, by name; ``names``: ``main`` and tags that lead to it."""

    commit: Oid
    names: Sequence[str]
    time_s: int
    title: str
    values: Mapping[str, float]


@attrs.frozen
class MetricsHistory:
    """Revisions that have metrics, newest first; ``metrics``: all names, in the order of the newest revisions."""

    revisions: Sequence[RevisionMetrics]
    metrics: Sequence[str]
    is_complete: bool


@attrs.frozen
class ComparedModel:
    """The metrics of the card of a model at main; ``ref`` is None if the caller can read no model with this name."""

    name: str
    ref: RepoRef | None
    values: Mapping[str, float]


@attrs.frozen
class FileMetrics:
    """The series of one file; ``problem``: why it cannot be read, or an empty text."""

    path: RepoPath
    series: Sequence[MetricSeries]
    problem: str = ""


@attrs.frozen
class RevisionFiles:
    """The files of metrics at a commit."""

    commit: Oid
    files: Sequence[FileMetrics]
    is_complete: bool


@time_limit()
def read_history(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> MetricsHistory:
    """Return the metrics of the cards at main, at tags, and at the newest commits of main that changed the card.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: the caller may not read the content.
        HistoryBeingIndexed: too many commits are new.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        head = refs.find(tx, row.id, MAIN)
    if head is not None:
        index_briefly(hub, row.id, head)
    with hub.read() as tx:
        names, is_complete = _named(tx, row.id)
        changed: Sequence[Oid] = ()
        if head is not None:
            changed, _ = commits.changes_of(tx, row.id, head, _CARD, offset=0, limit=MAX_REVISIONS)
        found = list(dict.fromkeys([*names, *changed]))
        order = {oid: commits.generation(tx, row.id, oid) or 0 for oid in found}
        logged = histories.log_of(tx, row.id, found)
    logged.sort(key=lambda item: (item.commit.committer.time_s, order[item.oid]), reverse=True)
    listed, is_read = _read_cards(hub, caller, row.ref, logged[:MAX_REVISIONS], names)
    metrics = list(dict.fromkeys(name for item in listed for name in item.values))
    return MetricsHistory(listed, metrics, is_complete and is_read and len(logged) <= MAX_REVISIONS)


def compare(hub: HubContext, caller: MaybeCaller, wanted: Sequence[RepoRef]) -> list[ComparedModel]:
    """Return the metrics of the cards of several models at main, in this order; equal ones once.

    A model that the caller may not read looks like one that does not exist.

    Raises:
        LimitExceeded: more than five models.
    """
    if len(wanted) > MAX_COMPARED:
        raise LimitExceeded("the number of models to compare with", MAX_COMPARED)
    found: dict[str, ComparedModel] = {}
    with hub.read() as tx:
        for ref in wanted:
            try:
                row = access.readable(tx, caller, ref)
            except EntrepotError:
                found.setdefault(str(ref.id).lower(), ComparedModel(str(ref.id), None, {}))
                continue
            name = str(row.ref.id)
            found.setdefault(name.lower(), ComparedModel(name, row.ref, metrics_of_card(row.card)))
    return list(found.values())


def compare_with(hub: HubContext, caller: MaybeCaller, ref: RepoRef, wanted: Sequence[RepoRef]) -> list[ComparedModel]:
    """Return the metrics of a model, then, as :func:`compare`, those of others; the model is not repeated.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: the caller may not read the model.
        LimitExceeded: more than five others.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
    here = ComparedModel(str(row.ref.id), row.ref, metrics_of_card(row.card))
    return [here, *(other for other in compare(hub, caller, wanted) if other.ref != row.ref)]


@time_limit()
def read_files(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> RevisionFiles:
    """Return the scalars in event files, and in JSON lines and CSV files that are named as metrics.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: the caller may not read the content.
        RevisionNotFound: the revision does not exist.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
        walk = Trees(hub.store, tx, row.id).walk(root, ROOT, is_deep=True)
        nodes = list(itertools.islice(walk, _MAX_ENTRIES + 1))
    paths = [node.path for node in nodes if not node.is_folder and is_metric_file(node.path)]
    is_complete = len(nodes) <= _MAX_ENTRIES and len(paths) <= _MAX_FILES
    left, count, files = MAX_BYTES, 0, []
    for path in paths[:_MAX_FILES]:
        if left <= 0 or count >= MAX_SERIES or is_out_of_time():
            is_complete = False
            break
        with contextlib.suppress(EntryNotFound, NotAllowed):
            located = contents.locate(hub, caller, row.ref, commit, path)
            found, is_whole = _read_file(hub, located, left)
            left -= min(located.size, left)
            is_complete = is_complete and is_whole and count + len(found.series) <= MAX_SERIES
            files.append(attrs.evolve(found, series=found.series[: MAX_SERIES - count]))
            count += len(files[-1].series)
    return RevisionFiles(commit, [item for item in files if item.series or item.problem], is_complete)


def _named(tx: Read, repo_id: int) -> tuple[dict[Oid, list[str]], bool]:
    """Return the commits that main and the tags lead to, with their names, and whether these are all."""
    found: dict[Oid, list[str]] = {}
    every = refs.everything(tx, repo_id)
    tags = [(name, oid) for name, oid in every if name.startswith("refs/tags/")]
    for name, oid in every:
        if name == MAIN:
            found.setdefault(oid, []).append("main")
    for name, oid in tags[-_MAX_TAGS:]:
        found.setdefault(stored.peel(tx, repo_id, oid), []).append(name.removeprefix("refs/tags/"))
    return found, len(tags) <= _MAX_TAGS


def _read_cards(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, logged: Sequence[LoggedCommit], names: Mapping[Oid, list[str]]
) -> tuple[list[RevisionMetrics], bool]:
    """Return the commits whose cards have metrics, and whether all cards were read.

    A commit without a name whose card is also that of a named one is left out.
    """
    is_complete = True
    cards: dict[Oid, Mapping[str, float] | None] = {}
    kept: list[tuple[Oid, RevisionMetrics]] = []
    for oid, commit in ((item.oid, item.commit) for item in logged):
        if is_out_of_time():
            is_complete = False
            break
        with contextlib.suppress(EntryNotFound, NotAllowed):
            card = contents.locate(hub, caller, ref, oid, _CARD)
            if card.oid not in cards:
                cards[card.oid] = _card_metrics(hub, card)
            values = cards[card.oid]
            is_complete = is_complete and values is not None
            if values:
                made = RevisionMetrics(oid, names.get(oid, ()), commit.committer.time_s, commit.title, values)
                kept.append((card.oid, made))
    named = {card for card, made in kept if made.names}
    return [made for card, made in kept if made.names or card not in named], is_complete


def _card_metrics(hub: HubContext, card: contents.LocatedFile) -> Mapping[str, float] | None:
    """Return the metrics of a card; None if it cannot be read."""
    if card.size > _MAX_CARD:
        return None
    try:
        with contextlib.closing(card.open(hub)) as content:
            return read_card_metrics(content.read_at(0, card.size).decode("utf-8", "replace"))
    except (Damaged, Malformed, Unavailable):
        return None


def _read_file(hub: HubContext, located: contents.LocatedFile, left: int) -> tuple[FileMetrics, bool]:
    """Return the series of a file, and whether all of it was read."""
    length = min(located.size, left)
    try:
        with contextlib.closing(located.open(hub)) as content:
            data = content.read_at(0, length)
        found = read_metric_file(located.path, data, is_whole=len(data) == located.size)
    except (Damaged, Malformed, Unavailable) as error:
        return FileMetrics(located.path, (), error.message), True
    series = [made for name, points in found.series.items() if (made := series_of(name, points)) is not None]
    return FileMetrics(located.path, series), found.is_complete


def metrics_of_card(card: Mapping[str, object] | None) -> Mapping[str, float]:
    """Return the evaluation results of a stored card, as :func:`entrepot.cards.card_metrics.read_card_metrics`."""
    return metrics_of(cast("JsonValue", (card or {}).get("model-index")))  # a card is stored as JSON
