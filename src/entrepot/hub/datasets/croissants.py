"""Descriptions of datasets in Croissant, for callers who may read them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.cards.croissant import CroissantConfig, CroissantDataset, render_croissant
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import conversions, repo_tags
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.layouts import Layout, find_layout
from entrepot.names import Oid, RepoRef, RepoType
from entrepot.wire.times import format_ms

_BROKEN = "it has not been converted to Parquet"
_READING_S = 30.0
"""How long one description may read the footers of Parquet files."""


@attrs.frozen
class CroissantDocument:
    """The description of a dataset at a commit, as JSON-LD."""

    commit: Oid
    content: Mapping[str, Any]


def describe_dataset(hub: HubContext, caller: MaybeCaller, ref: RepoRef, root: str) -> CroissantDocument:
    """Return the description of a dataset at the head of main.

    Args:
        root: the address of the hub.

    Raises:
        as :func:`~entrepot.hub.datasets.layouts.find_layout`.
        UnsupportedDataset: it is no dataset, or not converted to Parquet, or not yet; or it has so many configurations
            that another request has to go on.
    """
    ends = time.monotonic() + _READING_S
    layout = find_layout(hub, caller, ref, "main")
    name = str(layout.repo.ref.id)
    if layout.repo.type is not RepoType.DATASET:
        raise UnsupportedDataset(name, "only datasets are described in Croissant")
    with hub.read() as tx:
        row = conversions.find(tx, layout.repo.id)
        owner = accounts.by_ids(tx, [layout.repo.namespace_id]).get(layout.repo.namespace_id)
        tags = repo_tags.tags_of(tx, [layout.repo.id]).get(layout.repo.id, ())
    if row is None or row.source != layout.commit:
        raise UnsupportedDataset(name, f"{_BROKEN} yet" if hub.settings.convert_parquet else _BROKEN)
    shown = [config for config in row.configs if config["status"] != "failed"]
    if not shown:
        raise UnsupportedDataset(name, f"{_BROKEN}: {row.configs[0]['reason'] if row.configs else 'it is empty'}")
    configs = []
    for config in shown:
        if time.monotonic() > ends:
            raise UnsupportedDataset(name, "it takes too long to read the columns of all its files; ask again")
        splits = [split["name"] for split in config["splits"]]
        configs.append(CroissantConfig(config["name"], splits, _features(hub, caller, layout, config)))
    kind = "Person" if owner is None or owner.is_user else "Organization"
    return CroissantDocument(layout.commit, render_croissant(_dataset(root, layout.repo, kind, tags, configs)))


def _dataset(
    root: str, row: RepoRow, owner_kind: str, tags: Sequence[str], configs: Sequence[CroissantConfig]
) -> CroissantDataset:
    url = f"{root}/{row.ref.path}"
    return CroissantDataset(
        name=str(row.ref.id),
        url=url,
        files_url=f"{url}/tree/refs%2Fconvert%2Fparquet",
        description=_text(row.card, "description") or row.files.summary or row.description,
        owner=row.namespace,
        owner_url=f"{root}/{row.namespace}",
        owner_kind=owner_kind,
        keywords=tags,
        license=_text(row.card, "license") or None,
        published=format_ms(row.created_ms),
        modified=format_ms(row.updated_ms),
        configs=configs,
    )


def _text(card: Any, key: str) -> str:  # noqa: ANN401 - JSON
    value = (card or {}).get(key)
    return value.strip() if isinstance(value, str) else ""


def _features(hub: HubContext, caller: MaybeCaller, layout: Layout, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the features of a configuration: those it was converted with, else those of its Parquet files."""
    if "features" in config:
        features: Mapping[str, Any] = config["features"]
        return features
    features, _ = tables.describe_first(hub, caller, layout, config["name"], config["splits"][0]["name"])
    return features
