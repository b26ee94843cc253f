"""entrepot: the self-hosted hub for machine-learning artifacts.

The names of the client are here, and each is imported when it is first used:
``import entrepot`` alone must cost next to nothing.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    # name: the module below entrepot that has it
    "HfApi": "hf.api",
    "HubApi": "hf.api",
}

_METHODS: frozenset[str] = frozenset(
    """
    """.split()  # noqa: SIM905 - a list of words reads better than a hundred literals
)
"""Methods of ``HubApi`` that are functions here too, working on the environment of the process."""


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"entrepot.{_HOMES[name]}"), name)
    elif name in _METHODS:
        value = importlib.import_module("entrepot.hf.api").function_of(name)
    else:
        raise AttributeError(f"module 'entrepot' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_METHODS})
