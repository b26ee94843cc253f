"""Collections: titled lists of repositories and papers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from entrepot.client.calls import accounts, collections
from entrepot.client.http_errors import HubFailure
from entrepot.errors import Conflict, NotFound
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import Collection, collection_of


class Collections(Base):
    """Methods for collections, which are identified by their slugs. They raise NotFound for an unknown slug."""

    def list_collections(
        self,
        *,
        owner: str | Iterable[str] | None = None,
        item: str | Iterable[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        token: str | bool | None = None,
    ) -> Iterator[Collection]:
        """List collections; each is returned with its first items only.

        Args:
            owner: only collections of these users or organisations.
            item: only collections that contain these items, written as ``models/namespace/name``.
            sort: ``lastModified``, ``trending`` or ``upvotes``.
            limit: maximum number of collections; None returns all.
        """
        hub = self._hub(token)
        call = collections.page(owners=_words(owner), items=_words(item), sort=sort, limit=limit)
        found = itertools.islice(hub.pages(call), limit)
        return (collection_of(facts, hub.endpoint, position=index) for index, facts in enumerate(found))

    def get_collection(self, collection_slug: str, *, token: str | bool | None = None) -> Collection:
        """Return a collection with all its items."""
        hub = self._hub(token)
        return collection_of(hub.send(collections.get(collection_slug)), hub.endpoint)

    def create_collection(
        self,
        title: str,
        *,
        namespace: str | None = None,
        description: str | None = None,
        private: bool = False,
        exists_ok: bool = False,
        token: str | bool | None = None,
    ) -> Collection:
        """Create a collection.

        Args:
            namespace: the user or organisation that owns it; None is the caller.
            exists_ok: return an existing collection of the same title instead of raising.

        Raises:
            Conflict: a collection of this title exists, and ``exists_ok`` is False.
        """
        hub = self._hub(token)
        if namespace is None:
            hub.need_token()
            namespace = hub.send(accounts.whoami()).name
        try:
            made = hub.send(collections.create(title, namespace, description=description, private=private))
        except Conflict as error:
            slug = error.document.get("slug") if isinstance(error, HubFailure) else None
            if not exists_ok or not isinstance(slug, str):
                raise
            made = hub.send(collections.get(slug))
        return collection_of(made, hub.endpoint)

    def update_collection_metadata(
        self,
        collection_slug: str,
        *,
        title: str | None = None,
        description: str | None = None,
        position: int | None = None,
        private: bool | None = None,
        theme: str | None = None,
        token: str | bool | None = None,
    ) -> Collection:
        """Update the metadata of a collection; None leaves a field unchanged. A new title also changes the slug."""
        hub = self._hub(token)
        call = collections.change(
            collection_slug, title=title, description=description, position=position, private=private, theme=theme
        )
        return collection_of(hub.send(call), hub.endpoint)

    def delete_collection(
        self, collection_slug: str, *, missing_ok: bool = False, token: str | bool | None = None
    ) -> None:
        """Delete a collection; its items are not deleted.

        Args:
            missing_ok: do not raise if the collection does not exist.
        """
        try:
            self._hub(token).send(collections.delete(collection_slug))
        except NotFound:
            if not missing_ok:
                raise

    def add_collection_item(
        self,
        collection_slug: str,
        item_id: str,
        item_type: str,
        *,
        note: str | None = None,
        exists_ok: bool = False,
        token: str | bool | None = None,
    ) -> Collection:
        """Add a ``model``, ``dataset``, ``space``, ``paper`` or ``collection`` to a collection.

        Args:
            item_type: one of the types above.
            note: a note shown beside the item.
            exists_ok: do not raise if the collection contains the item already.

        Raises:
            Conflict: the collection contains the item, and ``exists_ok`` is False.
            NotFound: the item or the collection does not exist.
        """
        hub = self._hub(token)
        try:
            found = hub.send(collections.add_item(collection_slug, item_id, item_type, note=note))
        except Conflict:
            if not exists_ok:
                raise
            found = hub.send(collections.get(collection_slug))
        return collection_of(found, hub.endpoint)

    def update_collection_item(
        self,
        collection_slug: str,
        item_object_id: str,
        *,
        note: str | None = None,
        position: int | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Update the note or the position of an item; None leaves it unchanged."""
        call = collections.change_item(collection_slug, item_object_id, note=note, position=position)
        self._hub(token).send(call)

    def delete_collection_item(
        self,
        collection_slug: str,
        item_object_id: str,
        *,
        missing_ok: bool = False,
        token: str | bool | None = None,
    ) -> None:
        """Remove an item from a collection.

        Args:
            missing_ok: do not raise if the item is not in the collection.
        """
        try:
            self._hub(token).send(collections.remove_item(collection_slug, item_object_id))
        except NotFound:
            if not missing_ok:
                raise


def _words(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
