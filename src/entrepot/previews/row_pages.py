"""Rows of tables as JSON of bounded size: what does not fit is cut and named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from entrepot.previews.features import JsonCell, cell_of
from entrepot.previews.media import is_medium

_NODE = 60
_CUT_TO = 100


@attrs.frozen
class PageLimits:
    """How much memory the cells of a page take, and how many bytes one cell has as JSON."""

    memory: int = 16 << 20
    cell: int = 1 << 20


@attrs.frozen
class PackedRow:
    """The cells of a row as JSON values, and the names of the columns whose cells were cut."""

    cells: dict[str, JsonCell]
    cut: list[str]


def weigh(cell: JsonCell) -> int:
    """Return about how many bytes of memory a cell takes when its JSON is decoded."""
    if isinstance(cell, str):
        return len(cell) if cell.isascii() else 4 * len(cell)
    if not isinstance(cell, list | dict):
        return _NODE
    text = json.dumps(cell, ensure_ascii=False)
    return len(text) + _NODE * (1 + text.count(",") + text.count("[") + text.count("{"))


def pack_rows(features: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], limits: PageLimits) -> list[PackedRow]:
    """Return rows within limits: when the memory is used up, every longer cell is cut."""
    found, left = [], limits.memory
    for row in rows:
        cells: dict[str, JsonCell] = {}
        cut = []
        for name, kind in features.items():
            cell = cell_of(row.get(name), kind)
            weight = weigh(cell)
            most = limits.cell if weight <= left else _CUT_TO
            if weight > most and not is_medium(row.get(name), _type_of(kind)) and (is_cut := _cut(cell, most)) != cell:
                cell, weight = is_cut, weigh(is_cut)
                cut.append(name)
            left -= weight
            cells[name] = cell
        found.append(PackedRow(cells, cut))
    return found


def _cut(cell: JsonCell, most: int) -> JsonCell:
    """Return a text, or the JSON of a value, cut to its first bytes."""
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    data = text[:most].encode("utf-8", "replace")
    return cell if len(data) <= most and len(text) <= most else data[:most].decode("utf-8", "ignore")


def _type_of(kind: object) -> object:
    return kind.get("_type") if isinstance(kind, dict) else None
