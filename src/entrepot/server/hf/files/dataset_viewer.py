"""The dataset viewer: splits, rows, sizes and files of datasets, in the shapes of the public service.

``type`` (of the repository) and ``revision`` are parameters of this hub.

Source: docs/dataset-viewer.md.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from entrepot.errors import UnsupportedDataset
from entrepot.hub.datasets import layouts, parquet_files, tables
from entrepot.hub.datasets.layouts import Layout
from entrepot.hub.datasets.tables import DatasetSizes, RowsPage, SplitSize
from entrepot.names import Oid, RepoRef
from entrepot.previews.features import order_of
from entrepot.previews.table_formats import FOLDERS, FORMATS, check_installed
from entrepot.server.handlers import app_state, base_url, call_hub, call_hub_in_turn, json_response
from entrepot.server.hf.files.cell_media import MediaPlace
from entrepot.server.hf.files.viewer_requests import optional, required, split_of, target, window

_NOTHING_LEFT: Mapping[str, Any] = {"pending": [], "failed": []}


def routes() -> list[BaseRoute]:
    """Return the routes of the dataset viewer that only read files."""
    handlers = {
        "is-valid": is_valid,
        "splits": list_splits,
        "first-rows": show_first_rows,
        "rows": show_rows,
        "parquet": list_parquet,
        "size": show_size,
        "info": show_info,
    }
    own = [Route(f"/-/viewer/{name}", handler, methods=["GET"]) for name, handler in handlers.items()]
    return [*own, _ViewerHostRoute("/info", show_exact_info, methods=["GET"])]


class _ViewerHostRoute(Route):
    """A route of the host ``datasets-server.HUB``, which the library ``datasets`` requests.

    Source: docs/dataset-viewer.md.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as other routes do, but only requests to such a host."""
        host = next((value for name, value in scope.get("headers", ()) if name == b"host"), b"")
        return super().matches(scope) if host.lower().startswith(b"datasets-server.") else (Match.NONE, {})


async def is_valid(request: Request) -> Response:
    """Serve ``is-valid``: what the viewer can do with a dataset."""
    try:
        layout = await _layout(request)
        check_installed()
        is_shown = any(config.format in FORMATS | FOLDERS for config in layout.configs)
    except UnsupportedDataset:
        layout, is_shown = None, False
    abilities = dict.fromkeys(("viewer", "preview", "search", "filter", "statistics"), is_shown)
    return viewer_response(abilities, None if layout is None else layout.commit)


async def list_splits(request: Request) -> Response:
    """Serve ``splits``: the configurations and splits of a dataset."""
    layout, wanted = await _layout(request), optional(request, "config")
    configs = layout.configs if wanted is None else [layout.config(wanted)]
    name = str(layout.repo.ref.id)
    found = [{"dataset": name, "config": config.name, "split": split} for config in configs for split in config.splits]
    return viewer_response({"splits": found, **_NOTHING_LEFT}, layout.commit)


async def show_first_rows(request: Request) -> Response:
    """Serve ``first-rows``: the first rows of a split, with long cells cut."""
    wanted = split_of(request)
    page = await call_hub_in_turn(request, app_state(request).tables, tables.read_first_rows, wanted)
    named = {"dataset": str(wanted.repo.id), "config": wanted.config, "split": wanted.split}
    is_cut = len(page.rows) < min(page.total, tables.MAX_ROWS) or page.is_partial
    rows = {
        "features": order_of(page.features),
        "rows": rows_json(page, media_place(request, page)),
        "truncated": is_cut,
        **_preliminary(is_preliminary=page.is_preliminary),
    }
    return viewer_response({**named, **rows}, page.commit)


async def show_rows(request: Request) -> Response:
    """Serve ``rows``: a page of the rows of a split."""
    wanted, (offset, length) = split_of(request), window(request)
    page = await call_hub_in_turn(
        request, app_state(request).tables, tables.read_rows, wanted, offset=offset, length=length
    )
    return viewer_response(page_json(page, media_place(request, page)), page.commit)


async def list_parquet(request: Request) -> Response:
    """Serve ``parquet``: the Parquet files of a dataset, its own and those that were made of its other files."""
    ref, revision = target(request)
    found = await call_hub(request, parquet_files.find_parquet, ref, revision)
    layout, wanted = found.layout, optional(request, "config")
    names = [config.name for config in layout.configs] if wanted is None else [layout.config(wanted).name]
    name = str(layout.repo.ref.id)
    root = f"{base_url(request)}/{layout.repo.ref.path}/resolve"
    files = [
        {
            "dataset": name,
            "config": config,
            "split": split,
            "url": f"{root}/{quote(file.revision, safe='')}/{quote(file.path)}",
            "filename": posixpath.basename(file.path),
            "size": file.size,
        }
        for config in sorted(names)
        for split in sorted(found.splits.get(config, {}))
        for file in found.splits[config][split]
    ]
    pending = [{"dataset": name, "config": config} for config in found.pending if config in names]
    failed = [
        {"dataset": name, "config": config, "error": {"error": reason}}
        for config, reason in found.failed.items()
        if config in names
    ]
    document: dict[str, Any] = {"parquet_files": files, "pending": pending, "failed": failed, "partial": False}
    if wanted is not None and wanted in found.converted:
        document["features"] = found.converted[wanted]["features"]
    return viewer_response(document, layout.commit)


async def show_size(request: Request) -> Response:
    """Serve ``size``: rows and bytes of a dataset, its configurations and its splits."""
    ref, revision = target(request)
    config = optional(request, "config")
    found = await call_hub_in_turn(request, app_state(request).tables, tables.measure, ref, revision, config)
    names = list(dict.fromkeys(size.config for size in found.splits))
    of = {name: [size for size in found.splits if size.config == name] for name in names}
    splits = [
        {
            **_sizes_json(ref, [size], original=False),
            "config": size.config,
            "split": size.split,
            "num_columns": len(size.features),
        }
        for size in found.splits
    ]
    configs = [
        {**_sizes_json(ref, sizes), "config": name, "num_columns": len(sizes[0].features)} for name, sizes in of.items()
    ]
    shown: dict[str, Any] = {"dataset": _sizes_json(ref, found.splits), "configs": configs, "splits": splits}
    if config is not None:
        shown = {"config": configs[0] if configs else None, "splits": splits}
    is_partial = any(size.is_partial for size in found.splits)
    return viewer_response({"size": shown, **_NOTHING_LEFT, "partial": is_partial}, found.commit)


async def show_info(request: Request) -> Response:
    """Serve ``info``: the features and splits of the configurations."""
    ref, revision = target(request)
    wanted = optional(request, "config")
    found = await call_hub_in_turn(request, app_state(request).tables, tables.measure, ref, revision, wanted)
    return _info(ref, found, wanted)


def _info(ref: RepoRef, found: DatasetSizes, wanted: str | None) -> Response:
    infos: dict[str, Any] = {}
    for size in found.splits:
        kind = "parquet" if size.is_parquet else None
        info = infos.setdefault(size.config, _empty_info(ref, size, kind))
        info["splits"][size.split] = {
            "name": size.split,
            "num_bytes": size.memory,
            "num_examples": size.rows,
            "dataset_name": None,
        }
        info["download_size"] += size.file_bytes
        info["dataset_size"] += size.memory
    is_partial = any(size.is_partial for size in found.splits)
    shown = infos if wanted is None else infos.get(wanted)
    mark = _preliminary(is_preliminary=any(size.is_preliminary for size in found.splits))
    return viewer_response({"dataset_info": shown, **_NOTHING_LEFT, "partial": is_partial, **mark}, found.commit)


async def show_exact_info(request: Request) -> Response:
    """Serve ``info`` of a dataset that is Parquet, whose features are known exactly.

    ``datasets`` loads files with the features of this response, so features that are inferred
    from samples of text would break loading; without a response, it infers them itself.

    Raises:
        UnsupportedDataset: files of the dataset have another format.
    """
    ref, revision = target(request)
    found = await call_hub_in_turn(request, app_state(request).tables, tables.measure, ref, revision, None)
    if not all(size.is_parquet for size in found.splits):
        raise UnsupportedDataset(str(ref.id), "its features are exact in Parquet files only")
    if any(size.is_partial for size in found.splits):
        raise UnsupportedDataset(str(ref.id), "it has too many files to count its rows in one request; try again")
    return _info(ref, found, None) if optional(request, "config") is None else await show_info(request)


def _empty_info(ref: RepoRef, size: SplitSize, builder: str | None) -> dict[str, Any]:
    return {
        "description": "",
        "citation": "",
        "homepage": "",
        "license": "",
        "features": size.features,
        **({} if builder is None else {"builder_name": builder}),
        "dataset_name": ref.id.name,
        "config_name": size.config,
        "version": {"version_str": "0.0.0", "major": 0, "minor": 0, "patch": 0},
        "splits": {},
        "download_size": 0,
        "dataset_size": 0,
    }


def _sizes_json(ref: RepoRef, sizes: Sequence[SplitSize], *, original: bool = True) -> dict[str, Any]:
    size = sum(item.file_bytes for item in sizes)
    parquet = sum(item.file_bytes for item in sizes if item.is_parquet)
    return {
        "dataset": str(ref.id),
        **({"num_bytes_original_files": size} if original else {}),
        "num_bytes_parquet_files": parquet,
        "num_bytes_memory": sum(item.memory for item in sizes),
        "num_rows": sum(item.rows for item in sizes),
        "estimated_num_rows": None,
    }


async def _layout(request: Request) -> Layout:
    ref, revision = target(request)
    return await call_hub(request, layouts.find_layout, ref, revision)


def page_json(page: RowsPage, place: MediaPlace) -> Mapping[str, Any]:
    """Return a page of rows in the shape of the public service."""
    return {
        "features": order_of(page.features),
        "rows": rows_json(page, place),
        "num_rows_total": page.total,
        "num_rows_per_page": tables.MAX_ROWS,
        "partial": page.is_partial,
        **_preliminary(is_preliminary=page.is_preliminary),
    }


def _preliminary(*, is_preliminary: bool) -> Mapping[str, bool]:
    """Return the mark of features that may be others after a conversion to Parquet; the public service has none."""
    return {"preliminary": True} if is_preliminary else {}


def rows_json(page: RowsPage, place: MediaPlace) -> list[Mapping[str, Any]]:
    """Return rows in the shape of the public service, with URLs of their media."""
    linked = place.link_rows([(row.index, row.cells) for row in page.rows], page.features)
    return [
        {"row_idx": index, "row": cells, "truncated_cells": list(row.cut)}
        for row, (index, cells) in zip(page.rows, linked, strict=True)
    ]


def media_place(request: Request, page: RowsPage) -> MediaPlace:
    """Return where the rows of a page are."""
    ref, _ = target(request)
    where = {"config": required(request, "config"), "split": required(request, "split")}
    return MediaPlace(base_url(request), ref, page.commit, where)


def viewer_response(value: Mapping[str, Any], commit: Oid | None) -> Response:
    """Return a JSON response that names the commit it is about."""
    revision = {} if commit is None else {"X-Revision": str(commit)}
    return json_response(value, headers={"Cache-Control": "no-store", **revision})
