"""Images, audio and video in rows of tables: the URLs that cells have, and the route that serves their bytes.

A URL names the commit, so it means the same bytes forever; the right to read them is checked at every request.

Source: docs/dataset-viewer.md, section "Images, audio and video".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidParameter, InvalidPath
from entrepot.hub.datasets import tables
from entrepot.names import Oid, RepoRef, RepoType, parse_path
from entrepot.previews.features import item_of
from entrepot.previews.media import EMBEDDED, IN_REPO, KINDS, MAX_PARTS, UNKNOWN, media_type
from entrepot.server.files import FileResponse
from entrepot.server.handlers import app_state, call_hub_in_turn
from entrepot.server.hf.files.viewer_requests import read_count, required, split_of, target
from entrepot.server.responders import MemoryContent

_ROUTE = "/-/viewer/assets"
_MAX_DEPTH = 32
_CACHING = "private, no-cache"  # rights are checked at every request


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route(_ROUTE, show_medium, methods=["GET"])]


@attrs.frozen
class MediaPlace:
    """Where rows are: at a commit of a repository, in a split (``config`` and ``split``) or in one file (``path``).

    ``base``: the URL of the hub, or its path.
    """

    base: str
    repo: RepoRef
    commit: Oid
    where: Mapping[str, str]

    def link_rows(
        self, rows: Iterable[tuple[int, Mapping[str, Any]]], features: Mapping[str, Any]
    ) -> list[tuple[int, Mapping[str, Any]]]:
        """Return rows, which are their index and cells, with URLs of their media; what is nowhere has none."""
        media = {name: kind for name, kind in features.items() if _has_media(kind)}
        if not media:
            return list(rows)
        return [(index, self._link_row(index, cells, media)) for index, cells in rows]

    def _link_row(self, index: int, cells: Mapping[str, Any], media: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            name: self._link(cell, media[name], [str(index), name]) if name in media else cell
            for name, cell in cells.items()
        }

    def _link(self, cell: Any, feature: Any, steps: list[str]) -> Any:  # noqa: ANN401 - JSON
        kind = feature.get("_type") if isinstance(feature, dict) else None
        if kind in KINDS and isinstance(cell, dict):
            return {**cell, "src": self._url(cell.get("src"), steps)}
        if kind in KINDS and isinstance(cell, list) and len(cell) == 1 and isinstance(cell[0], dict):
            return [{**cell[0], "src": self._url(cell[0].get("src"), steps)}]
        if isinstance(cell, dict) and isinstance(feature, dict):
            return {name: self._link(item, feature.get(name), [*steps, name]) for name, item in cell.items()}
        if isinstance(cell, list):
            inner = item_of(feature)
            return [self._link(item, inner, [*steps, str(at)]) for at, item in enumerate(cell)]
        return cell

    def _url(self, src: object, steps: Sequence[str]) -> str | None:
        if not isinstance(src, str):
            return None
        if src.startswith(IN_REPO):
            try:
                path = parse_path(src.removeprefix(IN_REPO))
            except InvalidPath:
                return None
            return f"{self.base}/{self.repo.path}/resolve/{self.commit}/{quote(path)}"
        if not src.startswith(EMBEDDED) or len(steps) > MAX_PARTS:
            return None
        row, column, *parts = steps
        kind = [] if self.repo.type is RepoType.DATASET else [("type", self.repo.type.value)]
        asked = [("dataset", str(self.repo.id)), *kind, ("revision", str(self.commit)), *self.where.items()]
        asked += [("row", row), ("column", column), *(("part", part) for part in parts)]
        return f"{self.base}{_ROUTE}?{urlencode(asked)}"


def _has_media(feature: object, depth: int = 0) -> bool:
    """Return whether a feature is one of media, or contains one."""
    if depth > _MAX_DEPTH:
        return False
    if isinstance(feature, list):
        return any(_has_media(item, depth + 1) for item in feature)
    if not isinstance(feature, dict):
        return False
    return feature.get("_type") in KINDS or any(_has_media(item, depth + 1) for item in feature.values())


async def show_medium(request: Request) -> Response | FileResponse:
    """Serve the bytes of an image, an audio clip or a video in a cell; those of unknown types only to be saved.

    Raises:
        InvalidParameter: a parameter is missing or wrong.
    """
    parts = request.query_params.getlist("part")
    if len(parts) > MAX_PARTS:
        raise InvalidParameter("part", f"must occur at most {MAX_PARTS} times")
    cell: dict[str, Any] = {"row": read_count(request, "row", 0), "column": required(request, "column"), "parts": parts}
    turns = app_state(request).tables
    if path := request.query_params.get("path"):
        place = (*target(request), parse_path(path))
        commit, data = await call_hub_in_turn(request, turns, tables.read_file_medium, *place, **cell)
    else:
        commit, data = await call_hub_in_turn(request, turns, tables.read_medium, split_of(request), **cell)
    form = media_type(data)
    headers = {"Cache-Control": _CACHING, "X-Revision": str(commit)}
    if form == UNKNOWN:
        headers |= {"Content-Disposition": 'attachment; filename="cell.bin"', "X-Content-Type-Options": "nosniff"}
        return Response(data, 200, {**headers, "Content-Security-Policy": "default-src 'none'; sandbox"}, UNKNOWN)
    content = MemoryContent(hashlib.sha256(data).hexdigest(), form, len(data), data)
    return FileResponse(content, f"cell.{form.rpartition('/')[2]}", app_state(request).threads, list(headers.items()))
