"""Datasets described in Croissant: ``/api/datasets/{id}/croissant``.

Source: docs/dataset-viewer.md, section "Croissant".
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.cards.croissant import CroissantDataset, render_croissant
from entrepot.hub.datasets import croissants
from entrepot.hub.datasets.croissants import DescribedDataset
from entrepot.names import RepoRef
from entrepot.server.handlers import base_url, call_hub_slow, json_response
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the route of descriptions in Croissant."""
    return [*repo_routes("GET", "croissant", show_croissant)]


async def show_croissant(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET croissant``: the dataset as JSON-LD."""
    found = await call_hub_slow(request, croissants.describe_dataset, ref)
    described = render_croissant(_dataset(base_url(request), found))
    return json_response(described, headers={"X-Revision": str(found.commit)})


def _dataset(root: str, found: DescribedDataset) -> CroissantDataset:
    row = found.repo
    url = f"{root}/{row.ref.path}"
    return CroissantDataset(
        name=str(row.ref.id),
        url=url,
        files_url=f"{url}/tree/refs%2Fconvert%2Fparquet",
        description=_text(row.card, "description") or row.files.summary or row.description,
        owner=row.namespace,
        owner_url=f"{root}/{row.namespace}",
        owner_kind=found.owner_kind,
        keywords=found.tags,
        license=_text(row.card, "license") or None,
        published=format_ms(row.created_ms),
        modified=format_ms(row.updated_ms),
        configs=found.configs,
    )


def _text(card: Any, key: str) -> str:  # noqa: ANN401 - JSON
    value = (card or {}).get(key)
    return value.strip() if isinstance(value, str) else ""
