"""Folders of models and datasets, with branches, tags and commits: the Asset Hub dialect.

    from entrepot import ah

    ah.create("model/llm/gpt2")
    ah.commit("model/llm/gpt2", msg="add weights", add=["model.pt"])

Everything made here is an ordinary repository for git, ``huggingface_hub`` and the
rest of this package. Names are imported on first use, so that importing the package
is fast. Source: docs/asset-hub.md.
"""

from __future__ import annotations

import importlib

_MODULES: dict[str, tuple[str, ...]] = {
    "errors": (
        "AlreadyExists",
        "AssetHubError",
        "Canceled",
        "Denied",
        "InvalidPath",
        "LimitExceeded",
        "NotFound",
        "NotLoggedIn",
        "ServerUnreachable",
    ),
    "functions": (
        "commit",
        "create",
        "delete",
        "download",
        "get",
        "list",
        "list_grants",
        "merge",
        "reset",
        "share",
        "stage",
        "status",
        "unshare",
        "update",
        "whoami",
    ),
    "resources": ("Branch", "Commit", "Dataset", "Folder", "Model", "Tag"),
    "sessions": ("login", "logout"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = tuple(sorted(_HOMES))


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'entrepot.ah' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"entrepot.ah.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
