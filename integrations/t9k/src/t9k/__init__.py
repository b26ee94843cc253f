"""``t9k`` as scripts for Asset Hub know it, on top of ``entrepot``: ``t9k.ah`` and ``t9k.CONFIG``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from entrepot.ah.sessions import defaults

__all__ = ["CONFIG", "ah"]


class _Config(Mapping[str, str]):
    """The address of the hub and the key that ``ah.login()`` uses without arguments, read at every access."""

    def __getitem__(self, key: str) -> str:
        found = {
            "asset_hub_host": defaults().endpoint,
            "aistore_host": defaults().endpoint,
            "api_key": defaults().api_key,
        }
        value = found[key]
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        yield from ("asset_hub_host", "aistore_host")
        if defaults().api_key is not None:
            yield "api_key"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"CONFIG(asset_hub_host={self['asset_hub_host']!r})"


CONFIG: Mapping[str, str] = _Config()


def __getattr__(name: str) -> object:
    if name == "ah":
        import importlib

        return importlib.import_module("t9k.ah")
    raise AttributeError(f"module 't9k' has no attribute {name!r}")
