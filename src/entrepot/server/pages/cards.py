"""The page of a repository: its card, its facts, and how to use it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import GatedRepo, NotAllowed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import access_requests
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import tables
from entrepot.hub.jobs.cards import metadata_problem
from entrepot.hub.repos import contents, infos, lineage
from entrepot.hub.repos.infos import RepoRow, RevisionInfo, WeightCounts
from entrepot.hub.repos.lineage import LineageEdge
from entrepot.hub.search.paths import find_gguf_path
from entrepot.names import ROOT, Oid, RepoRef, RepoType
from entrepot.server.handlers import app_state
from entrepot.server.pages import snippets
from entrepot.server.pages.card_html import (
    CARD,
    CardLinks,
    read_readme,
    render_card,
    without_front_matter,
)
from entrepot.server.pages.error_pages import gate_link, gate_sentence
from entrepot.server.pages.frames import WebPage, endpoint_of, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.card_facts import (
    MAX_CHILDREN,
    ModelTree,
    citation_of,
    is_base,
    measured_lines,
    source_lines,
    tree_of,
    trend_of,
)
from entrepot.server.pages.repositories.grids import Grid, grid_of
from entrepot.server.pages.repositories.outlines import outline_of
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.rows import license_of, parameters_of
from entrepot.server.pages.snippets import UsedRepo, UseSnippet
from entrepot.server.public_urls import path_prefix

_MAX_TAGS = 40
_MAX_CELL = 120
_UNSAID = re.compile(r"region:|base_model:[a-z]+:")


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("", show_card)


async def show_card(request: Request, ref: RepoRef) -> Response:
    """Serve the page of a repository."""
    endpoint, root = endpoint_of(request), path_prefix(app_state(request).hub.settings)
    return await show_page(request, lambda hub, caller: build_card(hub, caller, ref, endpoint, root))


def build_card(hub: HubContext, caller: MaybeCaller, ref: RepoRef, endpoint: str, root: str) -> WebPage:
    """Return the page of a repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound: the main branch does not exist.
    """
    header, found = describe_header(hub, caller, ref, "main")
    sources = lineage.known_sources(hub, caller, found.info.row.ref)
    row, head = found.info.row, found.info.head
    assert head is not None, "a described revision has a commit"
    links = CardLinks(f"{root}/{row.ref.path}/blob/main/", f"{root}/{row.ref.path}/resolve/main/", root)
    card, refusal, is_flagged, gate, problem = None, None, False, None, ""
    try:
        text = read_readme(hub, caller, row.ref, head)
        card = None if text is None else render_card(without_front_matter(text), links)
        # The hub has read no metadata: either there are none, or they cannot be read.
        problem = metadata_problem(text) if text and not row.card else ""
    except GatedRepo as refused:
        refusal, gate = gate_sentence(refused), gate_link(refused)
    except NotAllowed as refused:
        refusal, is_flagged = refused.message, True
    values = {
        "section": row.type.plural,
        "repo": header,
        "tab": "card",
        "head": head,
        "row": row,
        "card": card,
        "outline": outline_of(card) if card else (),
        "first_rows": None if refusal is not None else first_rows_of(hub, caller, row, head),
        "refusal": refusal,
        "metadata_problem": problem,
        "is_flagged": is_flagged,
        "gate": gate,
        "conditions": None if gate is None else _conditions(hub, caller, row.ref, links),
        "licence": license_of(row.card),
        "parameters": parameters_of(row.files.safetensors),
        "dtypes": dtypes_of(row.files.safetensors),
        "used_bytes": found.used_bytes,
        "downloads": found.downloads_all_time,
        "trend": trend_of(infos.downloads_by_day(hub, caller, row.ref)) if row.downloads else None,
        "tags": tag_links(found),
        "uses": _uses(hub, caller, found, endpoint, has_card=card is not None, is_shown=refusal is None),
        "gguf": row.files.gguf,
        "tree": _tree(hub, caller, found, sources),
        "sources": source_lines(edge for edge in sources if not is_base(edge)),
        "results": measured_lines(row.card),
        "citation": citation_of(row, head, endpoint) if refusal is None else "",
    }
    return WebPage("card.html", str(row.ref.id), values)


def _conditions(hub: HubContext, caller: MaybeCaller, ref: RepoRef, links: CardLinks) -> tuple[str, str]:
    """Return the heading and the conditions of a gate, which its card defines; empty for what it does not define."""
    form = access_requests.describe(hub, caller, ref).form
    return form.heading or "", "" if form.prompt is None else render_card(form.prompt, links)


@attrs.frozen
class FirstRowsBox:
    """The first rows of a dataset as a table, and where they are from."""

    config: str
    split: str
    grid: Grid


def first_rows_of(hub: HubContext, caller: MaybeCaller, row: RepoRow, head: Oid) -> FirstRowsBox | None:
    """Return the first rows of a dataset if they have been read before; None if not, or if the caller may not see them.

    The page itself never reads a table.
    """
    if row.type is not RepoType.DATASET:
        return None
    try:
        known = tables.known_first_rows(hub, caller, row, head)
    except (GatedRepo, NotAllowed):
        return None
    if known is None:
        return None
    grid = grid_of(
        known.features, list(enumerate(known.rows)), known.total, is_partial=known.is_partial, most=_MAX_CELL
    )
    return FirstRowsBox(known.config, known.split, attrs.evolve(grid, hidden=known.hidden))


def _uses(
    hub: HubContext, caller: MaybeCaller, found: RevisionInfo, endpoint: str, *, has_card: bool, is_shown: bool
) -> list[UseSnippet]:
    """Return snippets for a repository; none if it is known to have no file yet."""
    row, head = found.info.row, found.info.head
    assert head is not None, "a described revision has a commit"
    if is_shown and not has_card and not _has_files(hub, caller, row.ref, head):
        return []
    info = row.files.transformers_info
    used = UsedRepo(
        row.type,
        str(row.ref.id),
        row.ref.path,
        head,
        library=_loader_of(row),
        task=row.pipeline_tag,
        gguf=find_gguf_path(hub, caller, row.ref, head) if "gguf" in found.info.tags else None,
        file=CARD if has_card else None,
        processor="AutoTokenizer" if info is None else info.get("processor"),
    )
    return snippets.uses_of(used, endpoint)


def _loader_of(row: RepoRow) -> str | None:
    """Return the library whose code loads a model.

    For the adapter of a model of transformers, this is PEFT: transformers looks for the revision of the adapter in the
    base model, too.
    """
    is_adapter = row.library == "transformers" and "peft" in (row.config or {})
    return "peft" if is_adapter else row.library


def _has_files(hub: HubContext, caller: MaybeCaller, ref: RepoRef, head: Oid) -> bool:
    """Return whether a commit has more than the rules for large files, with which the hub creates repositories."""
    found = contents.list_tree(hub, caller, ref, head, ROOT, is_deep=False, with_commits=False, limit=2)
    return any(item.listed.path != ".gitattributes" for item in found.entries)


def _tree(
    hub: HubContext, caller: MaybeCaller, found: RevisionInfo, sources: Sequence[LineageEdge]
) -> ModelTree | None:
    if found.info.row.type is not RepoType.MODEL:
        return None
    [counted] = infos.with_children(hub, caller, [found], most=MAX_CHILDREN)
    return tree_of(counted, sources)


def dtypes_of(counts: WeightCounts | None) -> list[tuple[str, int]]:
    """Return the number of parameters of each type of numbers, largest first."""
    return sorted(counts.parameters.items(), key=lambda pair: -pair[1]) if counts is not None else []


def tag_links(found: RevisionInfo) -> list[tuple[str, str]]:
    """Return the first tags of a repository, each with the query of the list that has it.

    The region, which clients of the public hub expect, says nothing here; how a base model was used says it twice.
    """
    shown = [tag for tag in found.info.tags if not _UNSAID.match(tag)]
    return [(tag, urlencode({"filter": tag})) for tag in shown[:_MAX_TAGS]]
