"""Treemaps: repositories as rectangles whose areas are their sizes, laid out on the server; a table says the same."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.hub.accounts.quotas import NamespaceQuota
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.infos import RevisionInfo
from entrepot.hub.search import profiles
from entrepot.server.pages.formats import cut_name
from entrepot.server.pages.rows import ICONS

MAX_REPOS = 2_000
"""An account with more repositories gets no drawing: adding up their sizes would take too long for one page."""

MAX_LISTED = 100
"""Repositories in the table, the largest first."""

_WIDE, _NARROW = (940.0, 260.0), (330.0, 420.0)
_MAX_CELLS, _LEAST_SHARE = 24, 0.012
_TINTS = {"model": "m", "dataset": "d", "space": "s"}
_LETTER, _MARGIN, _LABEL_HEIGHT = 7.2, 16, 44


@attrs.frozen
class SizedRepo:
    """A repository in the table: its size in bytes, and its share of all of them in per cent."""

    name: str
    path: str
    icon: str
    is_private: bool
    size: int
    share: float
    updated_ms: int


@attrs.frozen
class MapCell:
    """A rectangle. ``path``: of the page that it leads to, empty for the rest; ``tint``: the class of its colour."""

    x: float
    y: float
    width: float
    height: float
    name: str
    path: str
    tint: str
    size: int
    has_label: bool


@attrs.frozen
class StorageMap:
    """The drawing for wide and for narrow windows, and the table."""

    wide: Sequence[MapCell]
    narrow: Sequence[MapCell]
    repos: Sequence[SizedRepo]
    left_out: int


def map_of(hub: HubContext, caller: MaybeCaller, name: str | None, quota: NamespaceQuota) -> StorageMap | None:
    """Return the repositories of an organisation (None: of the caller) by their size; None for very many or none.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: as :func:`entrepot.hub.search.profiles.stored`.
    """
    if not 0 < quota.repos <= MAX_REPOS:
        return None
    return draw_storage(profiles.stored(hub, caller, name, limit=MAX_REPOS).items)


def draw_storage(found: Sequence[RevisionInfo]) -> StorageMap | None:
    """Return repositories as a treemap and a table; None if they have no large files."""
    total = sum(full.used_bytes for full in found)
    if not total:
        return None
    ordered = sorted((full for full in found if full.used_bytes), key=lambda full: -full.used_bytes)
    repos = [
        SizedRepo(
            str(full.info.row.ref.id),
            full.info.row.ref.path,
            ICONS[full.info.row.type.value],
            full.info.row.is_private,
            full.used_bytes,
            round(100 * full.used_bytes / total, 1),
            full.info.row.updated_ms,
        )
        for full in ordered
    ]
    pieces, left_out = _pieces(ordered, total), max(0, len(repos) - MAX_LISTED)
    return StorageMap(place_cells(pieces, *_WIDE), place_cells(pieces, *_NARROW), repos[:MAX_LISTED], left_out)


@attrs.frozen
class MapPiece:
    """A repository, or the rest, to be drawn as a rectangle."""

    name: str
    path: str
    tint: str
    size: int


def _pieces(ordered: Sequence[RevisionInfo], total: int) -> list[MapPiece]:
    """Return the largest repositories, and the others as one piece that is large enough to be seen."""
    shown = [full for full in ordered[:_MAX_CELLS] if full.used_bytes >= _LEAST_SHARE * total]
    pieces = [
        MapPiece(
            str(full.info.row.ref.id),
            full.info.row.ref.path,
            _TINTS.get(full.info.row.type.value, "o"),
            full.used_bytes,
        )
        for full in shown
    ]
    rest = sum(full.used_bytes for full in ordered[len(shown) :])
    if rest >= _LEAST_SHARE * total:
        pieces.append(MapPiece(f"{len(ordered) - len(shown):,} more", "", "o", rest))
    return pieces


def place_cells(pieces: Sequence[MapPiece], width: float, height: float) -> list[MapCell]:
    """Return rectangles that fill an area, each as large as its share, and as near to a square as simple rows allow.

    Source: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
    """
    sizes = [max(piece.size, 1) for piece in pieces]
    areas = [size * width * height / sum(sizes) for size in sizes]
    placed: list[tuple[float, float, float, float]] = []
    x, y, at = 0.0, 0.0, 0
    while at < len(areas):
        left_width, left_height = max(width - x, 0.1), max(height - y, 0.1)
        side = min(left_width, left_height)
        end = at + 1
        while end < len(areas) and _worst(areas[at : end + 1], side) <= _worst(areas[at:end], side):
            end += 1
        depth = sum(areas[at:end]) / side
        along = 0.0
        for area in areas[at:end]:
            length = area / depth
            is_column = left_width >= left_height
            placed.append((x, y + along, depth, length) if is_column else (x + along, y, length, depth))
            along += length
        x, y = (x + depth, y) if left_width >= left_height else (x, y + depth)
        at = end
    return [_cell(piece, *place) for piece, place in zip(pieces, placed, strict=True)]


def _worst(areas: Sequence[float], side: float) -> float:
    """Return how far the flattest rectangle of a row is from a square."""
    total = sum(areas)
    return max(side * side * max(areas) / total**2, total**2 / (side * side * min(areas)))


def _cell(piece: MapPiece, x: float, y: float, width: float, height: float) -> MapCell:
    name = cut_name(piece.name)
    short = name if len(name) * _LETTER + _MARGIN <= width else name.rpartition("/")[2]
    fits = height >= _LABEL_HEIGHT and len(short) * _LETTER + _MARGIN <= width
    return MapCell(
        round(x, 1),
        round(y, 1),
        round(max(width - 2, 1), 1),
        round(max(height - 2, 1), 1),
        short if fits else name,
        piece.path,
        piece.tint,
        piece.size,
        fits,
    )
