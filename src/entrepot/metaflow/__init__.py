"""Metaflow: repositories of a hub as inputs and outputs of steps.

Metaflow is an optional dependency. Importing this package does not import it;
``hub`` does. The distribution ``entrepot-metaflow`` adds the same decorator to
``metaflow`` itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrepot.metaflow.lineages import lineage, runs_of
    from entrepot.metaflow.step_decorators import hub

_MODULES = {
    "hub": "entrepot.metaflow.step_decorators",
    "lineage": "entrepot.metaflow.lineages",
    "runs_of": "entrepot.metaflow.lineages",
}

__all__ = ["hub", "lineage", "runs_of"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'entrepot.metaflow' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
