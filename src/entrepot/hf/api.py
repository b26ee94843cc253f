"""``HubApi``: the whole API of a hub as methods of one object.

Each subject is a mixin in its own module and depends only on ``Base._hub``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from entrepot.client.paths import ClientPaths, current_paths
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
    """Client for the whole API of a hub, safe to use from several threads.

    See :class:`~entrepot.hf.base.Base` for the arguments.
    """


HfApi = HubApi


def default_api() -> HubApi:
    """Return the object behind the functions of ``entrepot``; one for each environment seen by this process."""
    return _api_at(current_paths())


def function_of(name: str) -> Callable[..., object]:
    """Return a method of :class:`HubApi` as a function that reads the environment at each call."""
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
