"""Parameters of requests to the dataset viewer.

Source: docs/dataset-viewer.md.
"""

from __future__ import annotations

from starlette.requests import Request

from entrepot.errors import InvalidParameter
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.server.handlers import lookup_id

_TYPES = {kind.value: kind for kind in VERSIONED_TYPES}


def target(request: Request) -> tuple[RepoRef, str]:
    """Return the repository and the revision that a request names.

    Raises:
        InvalidParameter: ``dataset`` is missing, or ``type`` is unknown.
    """
    name = required(request, "dataset")
    kind = request.query_params.get("type", RepoType.DATASET.value)
    if kind not in _TYPES:
        raise InvalidParameter("type", f"must be one of {', '.join(_TYPES)}")
    return RepoRef(_TYPES[kind], lookup_id(name)), request.query_params.get("revision") or "main"


def split_of(request: Request) -> SplitRef:
    """Return the split that a request names.

    Raises:
        InvalidParameter: ``config``, ``split`` or ``dataset`` is missing, or ``type`` is unknown.
    """
    config, split = required(request, "config"), required(request, "split")
    return SplitRef(*target(request), config, split)


def required(request: Request, name: str) -> str:
    """Return a parameter that must be there.

    Raises:
        InvalidParameter: it is missing.
    """
    value = request.query_params.get(name)
    if not value:
        raise InvalidParameter(name, "is required")
    return value


def optional(request: Request, name: str) -> str | None:
    """Return a parameter; None if it is missing."""
    return request.query_params.get(name) or None


def window(request: Request) -> tuple[int, int]:
    """Return ``offset`` and ``length``.

    Raises:
        InvalidParameter: they are not whole numbers, negative, or more than 100 rows.
    """
    offset, length = read_count(request, "offset", 0), read_count(request, "length", tables.MAX_ROWS)
    if length > tables.MAX_ROWS:
        raise InvalidParameter("length", f"must not be greater than {tables.MAX_ROWS}")
    return offset, length


def read_count(request: Request, name: str, default: int) -> int:
    """Return a parameter that is a number of rows, or the index of one.

    Raises:
        InvalidParameter: it is not a whole number, or negative.
    """
    text = request.query_params.get(name) or str(default)
    if not text.lstrip("-").isdecimal() or not text.isascii() or len(text) > 15:
        raise InvalidParameter(name, "must be integer")
    if int(text) < 0:
        raise InvalidParameter(name, "must be positive")
    return int(text)
