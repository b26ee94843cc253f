"""Pages of comparisons: what differs between two revisions, and how one file differs by its content."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ExtraNotInstalled, InvalidParameter, LimitExceeded, Malformed, UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import comparisons
from entrepot.hub.comparisons.comparisons import ContentDiff
from entrepot.hub.comparisons.rows import RowsDiff
from entrepot.hub.comparisons.tensors import TensorChange, TensorsDiff, TensorSide
from entrepot.hub.context import HubContext
from entrepot.hub.repos import branches, histories, repo_rights
from entrepot.names import RepoPath, RepoRef
from entrepot.server.handlers import app_state, call_hub, query_list
from entrepot.server.pages.diffs import colour_diff, parse_diff
from entrepot.server.pages.formats import quoted, shape_text
from entrepot.server.pages.forms import go_to, sentence
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import MAX_REFS, choices, describe_repo
from entrepot.server.pages.repositories.changes import changes_of, describe_change, is_large, pictures_of
from entrepot.server.pages.repositories.commit_lines import commit_line
from entrepot.server.pages.repositories.grids import Grid, GridCell, grid_of, type_text
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.raw_path import decode_segment
from entrepot.wire.texts import legible

_MAX_COMMITS, _MAX_TENSORS, _MAX_COLUMNS = 250, 2_000, 40
_OID = re.compile(r"\b[0-9a-f]{40}\b")
_SIGNS = {"added": "ADD", "removed": "DEL", "changed": "CHG"}


@attrs.frozen
class RowLine:
    """A row that differs: its mark, and per column the old cell (None if it is the same) and the new one."""

    kind: str
    mark: str
    cells: Sequence[tuple[GridCell | None, GridCell]]


@attrs.frozen
class TensorLine:
    """A tensor that differs; ``share``: per cent of its bytes that may differ."""

    name: str
    kind: str
    old: str
    new: str
    size: int | None
    changed: int
    share: float


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [*repo_pages("/compare/{tail:path}", show_comparison), *repo_pages("/compare", choose, has_short=False)]


async def choose(request: Request, ref: RepoRef) -> Response:
    """Serve the form that chooses two revisions; with both, go to their comparison."""
    base, head = (request.query_params.get(key, "").strip() for key in ("base", "head"))
    if not (base and head):
        return await show_page(request, lambda hub, caller: build_choice(hub, caller, ref, base, head))
    await call_hub(request, repo_rights.of, ref)
    return go_to(request, f"/{ref.path}/compare/{quoted(base)}...{quoted(head)}")


def build_choice(hub: HubContext, caller: MaybeCaller, ref: RepoRef, base: str, head: str) -> WebPage:
    """Return the form that chooses two revisions, with what the address already names.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    header, may = describe_repo(hub, caller, ref)
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "commits",
        "base": base or "main",
        "head": head,
        "refs": choices(branches.first_refs(hub, caller, may.row.ref, MAX_REFS)),
    }
    return WebPage("compare_choice.html", f"Compare revisions of {header.id}", values)


async def show_comparison(request: Request, ref: RepoRef) -> Response:
    """Serve the differences between two revisions; with ``file``, those of one file."""
    spec, file = decode_segment(request.path_params["tail"]), request.query_params.get("file", "")
    if not file:
        return await show_page(request, lambda hub, caller: build_comparison(hub, caller, ref, spec), is_slow=True)
    path, key = path_of(file), [name for name in query_list(request, "key") if name]
    turns = app_state(request).queries
    return await show_page(request, lambda hub, caller: build_content(hub, caller, ref, spec, path, key), turns=turns)


def build_comparison(hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str) -> WebPage:
    """Return the commits and files in which two revisions differ.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        Malformed, RevisionNotFound: the specification cannot be read, or a side does not exist.
    """
    header, may = describe_repo(hub, caller, ref)
    between = histories.commits_between(hub, caller, may.row.ref, spec, limit=_MAX_COMMITS)
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "commits",
        "spec": spec,
        "short": short_spec(spec),
        "commits": [commit_line(logged) for logged in between.commits],
        "is_cut": between.total == _MAX_COMMITS,
        "proposal": _proposal(spec) if between.total and may.may_discuss and may.has_discussions else "",
        **changes_of(hub, caller, may.row.ref, spec),
    }
    return WebPage("compare.html", f"{short_spec(spec)} in {header.id}", values)


def _proposal(spec: str) -> str:
    """Return the query of the form that proposes the second side of ``a...b`` for the first; empty for other forms."""
    base, dots, head = spec.partition("...")
    return urlencode({"base": base, "head": head}) if dots and base and head else ""


def build_content(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str, path: RepoPath, key: Sequence[str]
) -> WebPage:
    """Return how one file differs between two revisions; a file that cannot be read is explained on the page.

    Raises:
        as :func:`build_comparison`; EntryNotFound: neither revision has the file.
    """
    header, may = describe_repo(hub, caller, ref)
    problem, status = "", 200
    found: ContentDiff | None = None
    try:
        found = comparisons.compare_file(hub, caller, may.row.ref, spec, path, key)
    except InvalidParameter as error:
        problem, status = sentence(error), 422
    except (UnsupportedDataset, ExtraNotInstalled, LimitExceeded) as error:
        problem = sentence(error)
    except Malformed as error:
        if error.what == "comparison":
            raise
        problem = sentence(error)
    details = found.details if found else None
    query = urlencode([("file", path), *(("key", name) for name in key)])
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "commits",
        "spec": spec,
        "short": short_spec(spec),
        "path": path,
        "crumbs": crumbs(path),
        "key": key,
        "problem": problem,
        "found": found,
        "change": describe_change(found.file, found.old) if found else None,
        "rows": details if isinstance(details, RowsDiff) else None,
        "grid": _grid(details) if isinstance(details, RowsDiff) else None,
        "lines": _row_lines(details) if isinstance(details, RowsDiff) else (),
        "columns": _columns(details) if isinstance(details, RowsDiff) else (),
        "model": details if isinstance(details, TensorsDiff) else None,
        "tensors": _tensor_lines(details) if isinstance(details, TensorsDiff) else (),
        "pictures": pictures_of([found.file]) if found is not None else (),
        "diff": colour_diff(parse_diff(found.text)) if found is not None and not is_large(found.file) else None,
        "api": f"/api/{may.row.type.plural}/{header.id}/diff/{quoted(spec)}?{query}",
    }
    return WebPage("compare_file.html", f"{legible(path)} · {header.id}", values, status)


def short_spec(spec: str) -> str:
    """Return the two sides of a comparison with ids of commits cut to seven digits."""
    return legible(_OID.sub(lambda match: match[0][:7], spec))


def _grid(found: RowsDiff) -> Grid:
    """Return the newer (or only) side of the rows that differ, whose columns the page shows."""
    rows = [(at, change.new or change.old or {}) for at, change in enumerate(found.examples)]
    return _plain_grid([row for _, row in rows], rows)


def _plain_grid(samples: Sequence[Mapping[str, Any]], rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Grid:
    names = list(dict.fromkeys(name for row in samples for name in row))[:_MAX_COLUMNS]
    features = {name: {"dtype": "string", "_type": "Value"} for name in names}
    return grid_of(features, rows, len(rows))


def _row_lines(found: RowsDiff) -> list[RowLine]:
    """Return the rows that differ with their cells; those that changed show both values."""
    news, names = _grid(found), [column.name for column in _grid(found).columns]
    olds = grid_of(
        {name: {"dtype": "string", "_type": "Value"} for name in names},
        [(at, change.old or {}) for at, change in enumerate(found.examples)],
        len(found.examples),
    )
    lines = []
    for change, new, old in zip(found.examples, news.rows, olds.rows, strict=True):
        differing = set(change.columns)
        pairs = zip(names, new.cells, old.cells, strict=True)
        cells = [(before if name in differing else None, after) for name, after, before in pairs]
        lines.append(RowLine(change.kind, _SIGNS[change.kind], cells))
    return lines


def _columns(found: RowsDiff) -> list[tuple[str, str, str]]:
    """Return the columns that differ: name, old and new type."""
    return [
        (
            column.name,
            "none" if column.old is None else type_text(column.old),
            "none" if column.new is None else type_text(column.new),
        )
        for column in found.columns
    ]


def _tensor_lines(found: TensorsDiff) -> list[TensorLine]:
    return [_tensor_line(change) for change in found.tensors[:_MAX_TENSORS]]


def _tensor_line(change: TensorChange) -> TensorLine:
    side = change.new or change.old
    size = side.size if side else None
    share = round(100 * change.changed_bytes / size, 1) if size else 0.0
    return TensorLine(
        change.name, change.kind, _state(change.old), _state(change.new), size, change.changed_bytes, share
    )


def _state(side: TensorSide | None) -> str:
    return "none" if side is None else f"{side.dtype} {shape_text(tuple(side.shape))}"
