"""Versioned datasets, labels and models: data in a bucket, metadata in a git remote, no server needed.

:class:`Workspace` is the Python API, :class:`MLGitAPI` the same under the names of ML-Git 2.9.9. Both are
imported when they are first used, so that commands start quickly.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrepot.workspace.api.ml_git import MLGitAPI
    from entrepot.workspace.api.workspaces import Workspace

__all__ = ["MLGitAPI", "Workspace"]

_MODULES = {"MLGitAPI": "entrepot.workspace.api.ml_git", "Workspace": "entrepot.workspace.api.workspaces"}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
