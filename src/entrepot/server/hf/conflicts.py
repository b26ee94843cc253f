"""The URL of the resource that already has a requested name, in the response 409."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.requests import Request

from entrepot.errors import AlreadyExists
from entrepot.server.handlers import base_url


@contextlib.contextmanager
def absolute_url(request: Request) -> Iterator[None]:
    """Make the URL of an existing repository in a 409 absolute, because clients open it."""
    try:
        yield
    except AlreadyExists as error:
        if error.url is not None:
            raise AlreadyExists(error.subject, f"{base_url(request)}/{error.url}") from error
        raise
