"""JSON of what administrators see of a hub as a whole, an extension of this hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class HubOverview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Figures of a hub.

    ``sizes``: numbers of repositories, objects, files and jobs, and bytes, by the names that ``/metrics`` uses;
    ``disk_free``, ``disk_total``: bytes of the disk with the data folder.
    """

    users: int
    orgs: int
    disk_free: int
    disk_total: int
    sizes: Mapping[str, int]


class HealthResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check; ``ok``: whether all is well."""

    name: str
    ok: bool
    text: str


class SettingValue(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the process that answers, as texts of its configuration file; an empty text is no value."""

    name: str
    value: str
    default: str


class SweptItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a garbage collection would delete, the reason, and its size in bytes."""

    kind: str
    what: str
    reason: str
    size: int


class SweepRehearsal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a garbage collection would delete.

    ``count`` and ``size`` are of all of it, ``items`` has the first. ``is_complete``: everything was examined.
    """

    dry_run: bool
    is_complete: bool
    count: int
    size: int
    items: Sequence[SweptItem]
