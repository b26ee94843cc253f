"""The Parquet files of a dataset by configuration, split and number: ``/api/datasets/{id}/parquet``.

Source: docs/dataset-viewer.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from entrepot.errors import SplitNotFound
from entrepot.hub.datasets import parquet_files
from entrepot.hub.datasets.parquet_files import ParquetFile, ParquetFiles
from entrepot.names import RepoRef
from entrepot.server.handlers import base_url, call_hub, json_response
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.raw_path import decode_segment

_FILE = re.compile(r"([0-9]{1,6})\.parquet")


def routes() -> list[BaseRoute]:
    """Return the routes of Parquet files."""
    return [*repo_routes("GET", "parquet", list_all), *repo_routes("GET", "parquet/{tail:path}", show_split)]


async def list_all(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET parquet``: the URLs of all Parquet files, by configuration and split."""
    found = await _find(request, ref)
    root = f"{base_url(request)}{request.scope['path']}"
    shown = {
        config: {split: _urls(root, config, split, files) for split, files in splits.items()}
        for config, splits in found.splits.items()
    }
    return json_response(shown, headers={"X-Revision": str(found.layout.commit)})


async def show_split(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET parquet/{config}[/{split}[/{n}.parquet]]``: URLs, or the way to the bytes of one file."""
    tail: str = request.path_params["tail"]
    config, split, file = ([decode_segment(part) for part in tail.split("/", 2)] + ["", ""])[:3]
    found = await _find(request, ref)
    splits = found.splits.get(found.layout.config(config).name, {})
    root = f"{base_url(request)}{request.scope['path'].removesuffix(tail).rstrip('/')}"
    if not split:
        return json_response({name: _urls(root, config, name, files) for name, files in splits.items()})
    files = splits.get(split)
    if files is None:
        raise SplitNotFound("split with Parquet files", split, tuple(splits))
    if not file:
        return json_response(_urls(root, config, split, files))
    number = _FILE.fullmatch(file)
    if number is None or int(number[1]) >= len(files):
        raise SplitNotFound("file", file, tuple(f"{at}.parquet" for at in range(min(len(files), 3))))
    wanted = files[int(number[1])]
    address = f"{quote(wanted.revision, safe='')}/{quote(wanted.path, safe='/')}"
    place = f"{base_url(request)}/{found.layout.repo.ref.path}/resolve/{address}"
    return RedirectResponse(place, 302, headers={"Cache-Control": "no-store"})


async def _find(request: Request, ref: RepoRef) -> ParquetFiles:
    revision = request.query_params.get("revision") or "main"
    return await call_hub(request, parquet_files.find_parquet, ref, revision)


def _urls(root: str, config: str, split: str, files: Sequence[ParquetFile]) -> list[str]:
    place = f"{root}/{quote(config, safe='')}/{quote(split, safe='')}"
    return [f"{place}/{number}.parquet" for number in range(len(files))]
