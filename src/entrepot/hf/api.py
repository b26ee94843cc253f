"""``HubApi``: everything that a hub can do, as methods of one object.

Each theme is a mixin in a module of its own, which relies on nothing but
``Base._hub``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from entrepot.client.places import Places, current_places
from entrepot.hf.base import Base


class HubApi(
    Base,
):
    """The hub's whole API. Safe to use from many threads; see :class:`~entrepot.hf.base.Base` for arguments."""


HfApi = HubApi


def default_api() -> HubApi:
    """The object whose methods the functions of ``entrepot`` are; one for each environment that was seen."""
    return _api_at(current_places())


def function_of(name: str) -> Callable[..., object]:
    """A method of :class:`HubApi` as a function, which works on the environment at the time of each call."""
    method = getattr(HubApi, name)

    @functools.wraps(method)
    def call(*args: object, **kwargs: object) -> object:
        return getattr(default_api(), name)(*args, **kwargs)

    signature = inspect.signature(method)
    own = list(signature.parameters.values())[1:]
    call.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return call


@functools.lru_cache(maxsize=8)
def _api_at(_places: Places) -> HubApi:
    return HubApi()
