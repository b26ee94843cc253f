"""What has to be converted: the configurations and splits of a dataset at a commit, with their files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.cards import DatasetConfig, JsonValue, declared_features, find_configs, read_dataset_card
from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import ExtraNotInstalled, InvalidPath, Malformed
from entrepot.git import Mode
from entrepot.hub.context import HubContext
from entrepot.hub.conversions.folder_plans import plan_media_folder, unread_option
from entrepot.hub.files import flagged_files
from entrepot.hub.scanning.contents import NamedContent, name_contents
from entrepot.names import ROOT, Oid, RepoPath, parse_path
from entrepot.previews.folders import MediaFolder
from entrepot.previews.table_formats import CONVERTIBLE, FOLDERS, check_installed
from entrepot.storage import objects as stored
from entrepot.storage.trees import Node, Trees

VERSION = 3
"""Changes whenever the same files may be converted differently; all are then converted again."""

MAX_FILES = 50_000
"""Files of a repository that are looked at."""

MAX_SHARDS = 10_000
"""Files of a split."""

_README = RepoPath("README.md")
_MAX_README = 1 << 20


@attrs.frozen
class ConfigPlan:
    """A configuration, its splits with their files, and the reason why it is not converted, if there is one.

    ``folder``: the plan of the rows of a folder of media; its splits have the files of metadata, too.
    ``separator``: of the fields of CSV files. ``field``: the member of JSON objects that has the rows.
    """

    name: str
    is_default: bool
    format: str
    splits: Mapping[str, Sequence[NamedContent]]
    features: Mapping[str, JsonValue] | None
    reason: str | None
    folder: MediaFolder | None = None
    separator: str = ""
    field: str = ""


@attrs.frozen
class ConversionPlan:
    """What a conversion of a commit does; plans with the same ``fingerprint`` have the same result."""

    commit: Oid
    configs: Sequence[ConfigPlan]
    fingerprint: str
    reason: str | None = None


def read_plan(hub: HubContext, tx: Read, row: RepoRow, commit: Oid) -> ConversionPlan:
    """Return the plan of the conversion of a commit of a dataset."""
    trees = Trees(hub.store, tx, row.id)
    root = stored.root_of(hub.store, tx, row.id, commit)
    walk = (node for node in trees.walk(root, ROOT, is_deep=True) if not node.is_folder)
    nodes = [node for _, node in zip(range(MAX_FILES + 1), walk, strict=False) if node.entry.mode != Mode.GITLINK]
    if len(nodes) > MAX_FILES:
        return _refused(commit, f"it has more than {MAX_FILES:,} files")
    by_path = {str(node.path): node for node in nodes}
    try:
        card = read_dataset_card(_readme(tx, row.id, by_path.get(_README)))
        if card.get("viewer") is False:
            return _refused(commit, "its card says 'viewer: false'")
        configs = find_configs(card, list(by_path))
    except Malformed as error:
        return _refused(commit, error.reason)
    used = {path for config in configs for path in config.paths}
    listed = trees.measure([by_path[path] for path in sorted(used)])
    contents = {str(content.path): content for content in name_contents(tx, row, listed)}
    flagged = flagged_files.flagged_of(hub, tx, [content.content for content in contents.values()])
    hidden = {path for path, content in contents.items() if content.content in flagged}
    plans = [_plan(hub, card, config, contents, hidden) for config in configs]
    described = [_described(hub, plan) for plan in plans]
    return ConversionPlan(commit, plans, _digest(described))


def _refused(commit: Oid, reason: str) -> ConversionPlan:
    return ConversionPlan(commit, (), _digest(reason), reason)


def _readme(tx: Read, repo_id: int, node: Node | None) -> str:
    row = None if node is None else objects.find(tx, repo_id, node.entry.oid)
    if row is None or row.data is None or row.size > _MAX_README:
        return ""
    return stored.content_of(row).decode("utf-8", "replace")


def _plan(
    hub: HubContext,
    card: Mapping[str, JsonValue],
    config: DatasetConfig,
    contents: Mapping[str, NamedContent],
    hidden: set[str],
) -> ConfigPlan:
    missing = [path for path in config.paths if path not in contents]
    splits = {
        split: [contents[path] for path in (*files, *config.metadata.get(split, ())) if path in contents]
        for split, files in config.splits.items()
    }
    features, folder, reason = None, None, f"the content of {missing[0]} is not stored" if missing else None
    if config.format != "parquet":
        try:
            folder = plan_media_folder(config)
            features = None if folder is not None else declared_features(card, config.name)
        except Malformed as error:
            reason = error.reason
        flagged = sorted(hidden.intersection(config.paths))
        reason = reason or (f"a scanner has flagged {flagged[0]}" if flagged else None)
        reason = reason or _obstacle(hub, config, splits)
    reason = reason or _misnamed(config)
    if any(len(files) > MAX_SHARDS for files in splits.values()):
        reason = f"a split has more than {MAX_SHARDS:,} files"
    return ConfigPlan(
        config.name,
        config.is_default,
        config.format,
        splits,
        features,
        reason,
        folder,
        separator=config.separator if config.format == "csv" else "",
        field=config.field,
    )


def _obstacle(hub: HubContext, config: DatasetConfig, splits: Mapping[str, Sequence[NamedContent]]) -> str | None:
    """Return why the files of a configuration are not converted, or None."""
    if config.format not in CONVERTIBLE | FOLDERS:
        return f"files of the format {config.format} are not converted"
    if importlib.util.find_spec("resource") is None:
        return "files are converted on Linux and macOS only, where a process can be confined"
    try:
        check_installed()
    except ExtraNotInstalled as error:
        return error.message
    if unread := unread_option(config, is_converted=True):
        return unread
    size = sum(file.size for files in splits.values() for file in files)
    most = hub.settings.convert_max_bytes
    return f"its files have {size:,} bytes; {most:,} are converted" if size > most else None


def _misnamed(config: DatasetConfig) -> str | None:
    for split in config.splits:
        try:
            parse_path(f"{config.name}/{split}/0000.parquet")
        except InvalidPath as error:
            return error.message
        if "/" in config.name or config.name.startswith("."):
            return "its name cannot be that of a folder"
    return None


def _described(hub: HubContext, plan: ConfigPlan) -> Any:  # noqa: ANN401 - JSON
    files = {split: [(str(file.path), file.oid) for file in files] for split, files in plan.splits.items()}
    limit = hub.settings.convert_max_bytes if plan.format != "parquet" else 0
    folder = None if plan.folder is None else attrs.asdict(plan.folder)
    values = [plan.name, plan.is_default, plan.format, list(files.items()), plan.features, plan.reason, limit, folder]
    return [*values, plan.separator, plan.field]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps([VERSION, value], default=str).encode()).hexdigest()
