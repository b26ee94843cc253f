"""The ref ``refs/convert/parquet`` of a dataset: its splits as Parquet files, made by a job after commits on main.

A configuration that is Parquet already is linked: its entries are those of main. Others are converted, and
the files count as those of the repository, in quotas too. The ref has one commit without parents, so
that what it had before can be swept. What cannot be converted is recorded with its reason, and looked at
again when the files change.

Source: docs/dataset-viewer.md, section "Conversion to Parquet".
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.cards import render_yaml
from entrepot.catalog import Lock, Write
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import conversions, refs, repositories
from entrepot.catalog.repos.conversions import ConversionRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy
from entrepot.git import EMPTY_TREE, Commit, Kind, Mode, Pointer, Signature, TreeEditor, encode_commit, render_pointer
from entrepot.hub import events
from entrepot.hub.context import HubContext
from entrepot.hub.conversions import processes
from entrepot.hub.conversions.plans import ConfigPlan, ConversionPlan, read_plan
from entrepot.hub.conversions.processes import ConversionFailed, ConversionTooLong, MadeConfig, TimeBudget
from entrepot.hub.scanning import scan_jobs
from entrepot.names import MAIN, PARQUET, Oid, RepoPath, RepoType, Sha256
from entrepot.storage import histories
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject

DATASET_S, OWNER_S = 3_600, 4 * 3_600
"""Seconds of processor time: of one conversion of a dataset, and of all conversions for an owner on a day (UTC).

An owner's last conversion of a day may exceed the second.
"""

WORK_OF_A_BYTE, WORK_OF_A_PROCESS = 8, 64 << 20
"""As how many bytes that are read the conversion of a byte, and its process, count for the order of jobs."""

_DAY_MS = 86_400_000
_ATTEMPTS = 5
_MAX_TOO_LONG = 3
_LFS = "filter=lfs diff=lfs merge=lfs -text"
_MADE_BY = "entrepot", "noreply@entrepot"


@attrs.define
class _Draft:
    """The tree of the ref: objects that are new, and those that exist already."""

    made: dict[Oid, GitObject] = attrs.field(factory=dict)
    entries: dict[str, tuple[int, Oid]] = attrs.field(factory=dict)
    needed: list[Oid] = attrs.field(factory=list)
    large: list[tuple[Sha256, RepoPath]] = attrs.field(factory=list)
    configs: list[Mapping[str, Any]] = attrs.field(factory=list)

    def put(self, path: str, content: bytes) -> None:
        """Add a file with new content."""
        made = stored.of(Kind.BLOB, content)
        self.made[made.oid] = made
        self.entries[path] = (Mode.FILE, made.oid)


def convert_job(repo_id: int) -> str:
    """Return the deduplication key of the job that converts a dataset."""
    return f"convert:{repo_id}"


def plan(hub: HubContext, tx: Write, row: RepoRow) -> None:
    """Enqueue the conversion of a dataset whose main has moved; nothing for other repositories, or if it is off."""
    is_wanted = hub.settings.convert_parquet or conversions.find(tx, row.id) is not None
    if row.type is RepoType.DATASET and is_wanted:
        delay_ms = hub.settings.chunk_delay_s * 1000  # of several commits in a row, the last one counts
        jobs.enqueue(tx, "convert", {"repo": row.id}, hub.now_ms(), dedup_key=convert_job(row.id), delay_ms=delay_ms)


def convert_steps(hub: HubContext, repo_id: int) -> Iterator[int | None]:
    """Update the Parquet ref of a dataset to the head of main, step by step; idempotent.

    It yields how many bytes reading what is left takes as long as, about.

    Raises:
        Busy: main kept moving, or a sweep deleted what is needed; repeat everything.
        Unavailable: the store cannot be reached now.
    """
    for _ in range(_ATTEMPTS):
        with hub.read() as tx:
            row = repositories.by_id(tx, repo_id)
            head = refs.find(tx, repo_id, MAIN)
            if row is None or head is None or row.type is not RepoType.DATASET:
                return
            known, there = conversions.find(tx, repo_id), refs.find(tx, repo_id, PARQUET)
            is_spent = conversions.spent_by_owner(tx, row.owner_id, hub.now_ms() // _DAY_MS) >= OWNER_S
            wanted = read_plan(hub, tx, row, head) if hub.settings.convert_parquet else None
        if wanted is None:
            draft, result = _Draft(), None
        elif known is not None and (known.fingerprint, known.commit) == (wanted.fingerprint, there):
            draft, result = None, attrs.evolve(known, source=head)
        else:
            if is_spent:
                _postpone(hub, row)
                return
            budget = TimeBudget(DATASET_S)
            draft = yield from _draft(hub, row, wanted, budget)
            now, spent = hub.now_ms(), math.ceil(budget.used_s)
            day = now // _DAY_MS
            spent += known.spent_s if known is not None and known.spent_day == day else 0
            result = ConversionRow(repo_id, head, wanted.fingerprint, None, draft.configs, now, spent, day)
        if _publish(hub, row, known, draft, result):
            return
    raise Busy("the branch")


def _postpone(hub: HubContext, row: RepoRow) -> None:
    """Enqueue the conversion for the next day."""
    now = hub.now_ms()
    with hub.write(Lock.nothing()) as tx:
        key, delay_ms = convert_job(row.id), _DAY_MS - now % _DAY_MS
        jobs.enqueue(tx, "convert", {"repo": row.id}, now, dedup_key=key, delay_ms=delay_ms)


def _draft(
    hub: HubContext, row: RepoRow, wanted: ConversionPlan, budget: TimeBudget
) -> Generator[int | None, None, _Draft]:
    """Return the tree for a plan, after converting what has to be."""
    draft, left_bytes = _Draft(), sum(map(_work_of, wanted.configs))
    if wanted.reason is not None:
        draft.configs.append({"name": "default", "status": "failed", "reason": wanted.reason, "splits": []})
    shown, too_long = list[ConfigPlan](), 0
    for config in wanted.configs:
        if config.reason is not None:
            draft.configs.append({"name": config.name, "status": "failed", "reason": config.reason, "splits": []})
            continue
        if config.format == "parquet":
            _link(draft, config)
            shown.append(config)
            continue
        try:
            if too_long >= _MAX_TOO_LONG:
                raise ConversionFailed("other configurations take too much time or memory; it was not tried")
            if budget.left_s < 1:
                raise ConversionFailed("not converted: other configurations used up the time limit of this dataset")
            yield left_bytes
            left_bytes -= _work_of(config)
            made = yield from processes.convert(hub, row, config, budget)
        except ConversionFailed as error:
            too_long += isinstance(error, ConversionTooLong)
            draft.configs.append({"name": config.name, "status": "failed", "reason": str(error), "splits": []})
            continue
        _add(draft, config, made)
        shown.append(config)
    if shown:
        draft.put("README.md", _readme(shown))
    return draft


def _work_of(config: ConfigPlan) -> int:
    """Return as how many bytes that are read the conversion of a configuration counts."""
    if config.reason is not None or config.format == "parquet":
        return 0
    return WORK_OF_A_PROCESS + WORK_OF_A_BYTE * sum(file.size for files in config.splits.values() for file in files)


def _link(draft: _Draft, config: ConfigPlan) -> None:
    """Add the files of a configuration that is Parquet already."""
    for split, files in config.splits.items():
        large = []
        for number, file in enumerate(files):
            draft.entries[f"{config.name}/{split}/{number:04}.parquet"] = (Mode.FILE, file.oid)
            draft.needed.append(file.oid)
            large += [number] if file.sha256 is not None else []
        _attributes(draft, f"{config.name}/{split}", large)
    splits = [{"name": split, "sizes": [file.size for file in files]} for split, files in config.splits.items()]
    draft.configs.append({"name": config.name, "status": "linked", "reason": None, "splits": splits})


def _add(draft: _Draft, config: ConfigPlan, made: MadeConfig) -> None:
    """Add the files that were made for a configuration."""
    for split in made.splits:
        for number, file in enumerate(split.files):
            path = RepoPath(f"{config.name}/{split.name}/{number:04}.parquet")
            draft.put(path, render_pointer(Pointer(file.sha256, file.size)))
            draft.large.append((file.sha256, path))
        _attributes(draft, f"{config.name}/{split.name}", range(len(split.files)))
    splits = [
        {"name": it.name, "rows": it.rows, "memory": it.memory, "sizes": [file.size for file in it.files]}
        for it in made.splits
    ]
    done = {"name": config.name, "status": "converted", "reason": None, "splits": splits, "features": made.features}
    draft.configs.append(done)


def _attributes(draft: _Draft, folder: str, large: Sequence[int]) -> None:
    """Tell git clients which files of a folder are pointers."""
    if large:
        draft.put(f"{folder}/.gitattributes", "".join(f"{number:04}.parquet {_LFS}\n" for number in large).encode())


def _readme(configs: Sequence[ConfigPlan]) -> bytes:
    """Return a card that tells ``datasets`` the configurations, so that each can be loaded by its name."""
    entries = [
        {
            "config_name": config.name,
            **({"default": True} if config.is_default and len(configs) > 1 else {}),
            "data_files": [
                {"split": split, "path": f"{_plain(config.name)}/{split}/*.parquet"} for split in config.splits
            ],
        }
        for config in configs
    ]
    return f"---\n{render_yaml({'configs': entries})}---\n\nMade by the hub from the branch main.\n".encode()


def _plain(name: str) -> str:
    """Return a name for a pattern, in which no character has a meaning."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _publish(
    hub: HubContext, row: RepoRow, known: ConversionRow | None, draft: _Draft | None, result: ConversionRow | None
) -> bool:
    """Store a result, and move the ref to it; return False if another job has stored one in the meantime.

    Args:
        draft: the new tree; None if the ref stays.
        result: None to forget the conversion.

    Raises:
        Busy: a sweep has deleted what the tree needs.
    """
    made, commit = (None, None) if draft is None else _objects(hub, draft)
    files = [] if draft is None else [sha256 for sha256, _ in draft.large]
    with hub.write(Lock.repo(row.id), *map(Lock.file, files)) as tx:
        current = repositories.by_id(tx, row.id)
        if current is None:
            return True
        if conversions.find(tx, row.id) != known:
            return False
        if draft is not None:
            _move(hub, tx, current, draft, made or (), commit)
            result = None if result is None else attrs.evolve(result, commit=commit)
        if result is None:
            conversions.remove(tx, row.id)
        else:
            conversions.put(tx, result)
    hub.job_added.set()
    return True


def _objects(hub: HubContext, draft: _Draft) -> tuple[Sequence[GitObject], Oid | None]:
    """Return the new objects of a tree, and its commit, which is one of them; None for an empty tree."""
    if not draft.entries:
        return (), None
    editor = TreeEditor(EMPTY_TREE, lambda _oid: b"")
    for path, (mode, oid) in draft.entries.items():
        editor.put(RepoPath(path), mode, oid)
    root, fresh = editor.write()
    trees = [GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()]
    signature = Signature(*_MADE_BY, hub.now_ms() // 1000)
    message = "Show the dataset as Parquet files\n"
    commit = stored.of(Kind.COMMIT, encode_commit(Commit(root, (), signature, signature, message)))
    return (*draft.made.values(), *trees, commit), commit.oid


def _move(
    hub: HubContext, tx: Write, row: RepoRow, draft: _Draft, made: Sequence[GitObject], commit: Oid | None
) -> None:
    now, old = hub.now_ms(), refs.find(tx, row.id, PARQUET)
    if commit is None and old is None:
        return
    if not objects.are_present(tx, row.id, draft.needed):
        raise Busy("the repository")
    objects.touch(tx, row.id, draft.needed, now)
    objects.put(tx, row.id, [stored.row_of(item) for item in made], now)
    if commit is not None:
        usable = file_links.usable(tx, row.id, [sha256 for sha256, _ in draft.large])
        if any(sha256 not in usable for sha256, _ in draft.large):
            raise Busy("this file")
        histories.record(tx, row.id, commit, ())
        file_links.name_links(tx, row.id, draft.large, PARQUET, now)
    refs.swap(tx, row.id, PARQUET, old, commit, now)
    if draft.large:
        key, delay_ms = f"chunk:{row.id}", hub.settings.chunk_delay_s * 1000
        jobs.enqueue(tx, "chunk", {"repo": row.id}, now, dedup_key=key, delay_ms=delay_ms)
    scan_jobs.plan(hub, tx, row.id)
    events.emit_content(hub, tx, row, [events.RefChange(PARQUET, old, commit)])
