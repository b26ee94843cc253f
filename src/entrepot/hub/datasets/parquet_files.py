"""The Parquet files of a dataset: its own, and those that the hub has made of its other files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog.repos import conversions, refs
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets.layouts import Layout, find_layout
from entrepot.names import MAIN, PARQUET, RepoRef, RepoType


@attrs.frozen
class ParquetFile:
    """A Parquet file: the revision and the path where it is, and its size."""

    revision: str
    path: str
    size: int


@attrs.frozen
class ParquetFiles:
    """The Parquet files of a dataset by configuration and split.

    ``pending``: configurations that are being converted; ``failed``: those that cannot be, with the reasons.
    ``converted``: what is known of those that were, by configuration.
    """

    layout: Layout
    splits: Mapping[str, Mapping[str, Sequence[ParquetFile]]]
    pending: Sequence[str]
    failed: Mapping[str, str]
    converted: Mapping[str, Mapping[str, Any]]


def find_parquet(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> ParquetFiles:
    """Return the Parquet files of a dataset at a revision; only those of the head of main are made by the hub.

    Raises:
        as :func:`~entrepot.hub.datasets.layouts.find_layout`.
    """
    layout = find_layout(hub, caller, ref, revision)
    splits: dict[str, Mapping[str, Sequence[ParquetFile]]] = {
        config.name: {
            split: [ParquetFile(layout.commit, path, layout.sizes.get(path, 0)) for path in paths]
            for split, paths in config.splits.items()
        }
        for config in layout.configs
        if config.format == "parquet"
    }
    others = [config.name for config in layout.configs if config.format != "parquet"]
    if not others or layout.repo.type is not RepoType.DATASET:
        return ParquetFiles(layout, splits, (), {}, {})
    with hub.read() as tx:
        row = conversions.find(tx, layout.repo.id)
        is_head = refs.find(tx, layout.repo.id, MAIN) == layout.commit
    if row is None or row.source != layout.commit:
        return ParquetFiles(layout, splits, others if is_head and hub.settings.convert_parquet else (), {}, {})
    known = {config["name"]: config for config in row.configs}
    made = {name: known[name] for name in others if known.get(name, {}).get("status") == "converted"}
    failed = {name: known[name]["reason"] for name in others if known.get(name, {}).get("status") == "failed"}
    splits |= {name: _made(config) for name, config in made.items()}
    return ParquetFiles(layout, splits, (), failed, made)


def _made(config: Mapping[str, Any]) -> Mapping[str, Sequence[ParquetFile]]:
    return {
        split["name"]: [
            ParquetFile(PARQUET, f"{config['name']}/{split['name']}/{number:04}.parquet", size)
            for number, size in enumerate(split["sizes"])
        ]
        for split in config["splits"]
    }
