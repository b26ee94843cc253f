"""The headers of the safetensors files of a model: ``/api/models/{id}/safetensors-metadata/{file}``.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import InvalidPath
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import tensor_headers
from entrepot.hub.context import HubContext
from entrepot.names import ROOT, RepoPath, RepoRef, RepoType, parse_path
from entrepot.previews.safetensors import Header
from entrepot.previews.time_limits import time_limit
from entrepot.server.handlers import app_state, call_hub_in_turn, json_response, repo_of
from entrepot.server.hf.repo_routes import tail_of
from entrepot.server.hf.type_routes import each_kind
from entrepot.wire.files.tensors import HeaderEntry, ModelHeadersResponse, TensorIndex


def routes() -> list[BaseRoute]:
    """Return the route of the headers of models."""
    return each_kind("/api/{T}/{namespace}/{name}/safetensors-metadata/{tail:path}", show_headers, (RepoType.MODEL,))


async def show_headers(request: Request, kind: RepoType) -> Response:
    """Serve ``GET safetensors-metadata/{file}?revision=``: the headers that an index names, or that of one file."""
    revision = request.query_params.get("revision") or "main"
    ref, path = repo_of(request, kind), _path_of(request)
    found = await call_hub_in_turn(request, app_state(request).viewers, find_headers, ref, revision, path)
    return json_response(found)


@time_limit()
def find_headers(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath
) -> ModelHeadersResponse:
    """Return the headers of a model; errors as :func:`entrepot.hub.comparisons.tensor_headers.read_headers`."""
    found = tensor_headers.read_headers(hub, caller, ref, revision, path)
    return ModelHeadersResponse(
        headers={name: _entries(header) for name, header in found.headers.items()},
        index=TensorIndex(metadata=found.metadata),
    )


def _path_of(request: Request) -> RepoPath:
    """Return the path of a request; one that no file can have becomes the root, which is not a file either."""
    try:
        return parse_path(tail_of(request))
    except InvalidPath:
        return ROOT


def _entries(header: Header) -> Mapping[str, HeaderEntry]:
    entries: dict[str, HeaderEntry] = {"__metadata__": header.metadata} if header.metadata else {}
    for name, tensor in header.tensors.items():
        entries[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": tensor.data_offsets}
    return entries
