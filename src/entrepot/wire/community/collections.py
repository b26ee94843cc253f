"""Collections in JSON. Source: docs/protocols/hf_api.md, section 1B.3."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType


class Note(msgspec.Struct, frozen=True):
    """The note of an item."""

    text: str = ""
    html: str = ""


class CollectionOwner(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "avatar_url": "avatarUrl"}):
    """The user or organisation a collection belongs to."""

    uid: str = ""
    name: str
    fullname: str = ""
    type: str = "user"
    avatar_url: str = ""


class CollectionItemInfo(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "repo_type": "repoType"}):
    """One item; ``slug`` is present for collections, the other fields for repositories."""

    uid: str
    id: str
    type: str
    position: int = 0
    note: Note | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    repo_type: str | UnsetType = UNSET
    author: str | UnsetType = UNSET
    private: bool | UnsetType = UNSET
    likes: int | UnsetType = UNSET
    downloads: int | UnsetType = UNSET


class CollectionInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One collection; ``position`` is absent in lists, where clients count it themselves."""

    slug: str
    title: str
    owner: CollectionOwner
    items: Sequence[CollectionItemInfo]
    last_updated: str
    private: bool = False
    theme: str = ""
    upvotes: int = 0
    is_upvoted_by_user: bool = False
    position: int | UnsetType = UNSET
    description: str | UnsetType = UNSET
    gating: bool = False


class CollectionChanged(msgspec.Struct, frozen=True):
    """Response to a change."""

    data: CollectionInfo
    success: bool = True


class CollectionConflict(msgspec.Struct, frozen=True):
    """Another collection already has this title; ``slug`` identifies it."""

    error: str
    slug: str


class ItemRef(msgspec.Struct, frozen=True):
    """An item to add to a collection."""

    id: str
    type: str


class NewCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection to create."""

    title: str
    namespace: str | None = None
    description: str | None = None
    private: bool | None = False
    item: ItemRef | None = None


class CollectionPatch(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to a collection; absent fields are unchanged."""

    title: str | None = None
    description: str | None = None
    position: int | None = None
    private: bool | None = None
    theme: str | None = None


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item to add to a collection, with its note."""

    item: ItemRef
    note: str | None = None


class ItemChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to an item."""

    note: str | None = None
    position: int | None = None


class ItemAction(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id"}):
    """One action of a batch; ``action`` is ``update``."""

    action: str
    uid: str
    data: ItemChanges = ItemChanges()
