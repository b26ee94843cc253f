"""``HubApi``: everything that a hub can do, as methods of one object.

Each theme is a mixin in a module of its own, which relies on nothing but
``Base._hub``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from entrepot.client.paths import ClientPaths, current_places
from entrepot.hf.accounts.accounts import Accounts
from entrepot.hf.community.access_requests import Access
from entrepot.hf.community.collections import Collections
from entrepot.hf.community.discussions import Discussions
from entrepot.hf.community.likes import Likes
from entrepot.hf.files.deletions import Deletions
from entrepot.hf.files.downloads import Downloads
from entrepot.hf.files.files import Files
from entrepot.hf.files.large_files import LargeFiles
from entrepot.hf.files.multi_commits import MultiCommits
from entrepot.hf.files.tensors import Tensors
from entrepot.hf.files.uploads import Uploads
from entrepot.hf.repos.listings import Listings
from entrepot.hf.repos.refs import References
from entrepot.hf.repos.repositories import Repos
from entrepot.hf.webhooks import Webhooks


class HubApi(
    Access,
    Accounts,
    Collections,
    Deletions,
    Discussions,
    Downloads,
    Files,
    LargeFiles,
    Likes,
    Listings,
    MultiCommits,
    References,
    Repos,
    Tensors,
    Uploads,
    Webhooks,
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
def _api_at(_places: ClientPaths) -> HubApi:
    return HubApi()
