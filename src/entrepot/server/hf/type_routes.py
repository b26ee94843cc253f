"""Types of repositories in paths of the API.

Most routes exist once for each type: ``/api/models…``, ``/api/datasets…``, ``/api/spaces…``. Others have a
segment ``{type}``; ``script/generate-openapi`` reads from their handlers which types it may name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidName
from entrepot.names import VERSIONED_TYPES, RepoType, parse_any_type, parse_repo_type
from entrepot.server.dispatch.answer_memory import Reusable
from entrepot.server.raw_path import decode_segment

TypedHandler = Callable[[Request, RepoType], Awaitable[Reusable]]
"""A handler for one type of repositories."""


def each_kind(path: str, handler: TypedHandler, kinds: Iterable[RepoType] = VERSIONED_TYPES) -> list[BaseRoute]:
    """Return the GET (and HEAD) routes of a handler, one for each type.

    Args:
        path: ``{T}`` in it is replaced by the plural of the type; its parameters
            are matched against the raw path.
        kinds: for these types only.
    """
    return [Route(path.replace("{T}", kind.plural), _bound(handler, kind)) for kind in kinds]


def type_of(request: Request, types: Sequence[RepoType] = VERSIONED_TYPES) -> RepoType:
    """Return the type that the segment ``{type}`` of the path names, in singular or plural.

    Args:
        types: those that the route accepts.

    Raises:
        Malformed: the encoding of the segment is invalid.
        InvalidName: it names none of these types.
    """
    word = decode_segment(request.path_params["type"])
    kind = parse_any_type(word) if RepoType.BUCKET in types else parse_repo_type(word)
    if kind not in types:
        raise InvalidName("repository type", word, f"expected {' or '.join(known.plural for known in types)}")
    return kind


def _bound(handler: TypedHandler, kind: RepoType) -> Callable[[Request], Awaitable[Reusable]]:
    async def endpoint(request: Request) -> Reusable:
        return await handler(request, kind)

    return endpoint
