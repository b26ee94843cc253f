"""JSON of branches and tags. Source: docs/protocols/hf_api.md, sections 1A.4 and 1A.5."""

from __future__ import annotations

import msgspec


class Ref(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One ref: its short name, its full name, and its commit."""

    name: str
    ref: str
    target_commit: str


class Refs(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All refs of a repository; ``pull_requests`` is None unless the caller requested them."""

    branches: list[Ref]
    converts: list[Ref]
    tags: list[Ref]
    pull_requests: list[Ref] | None = None


class NewBranch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How to create a branch; an empty object creates it at the head of main."""

    starting_point: str | None = None
    empty_branch: bool | None = None
    overwrite: bool | None = None


class NewTag(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tag to create; with a message it is an annotated tag."""

    tag: str
    message: str | None = None
