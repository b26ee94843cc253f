"""Collections: repositories put together under a title."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from entrepot.client.calls import accounts, collections
from entrepot.client.http_errors import HubFailure
from entrepot.errors import Conflict, NotFound
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import Collection, collection_of


class Collections(Base):
    """Methods about collections, which are named by their slugs. They raise NotFound for an unknown one."""

    def list_collections(
        self,
        *,
        owner: str | Iterable[str] | None = None,
        item: str | Iterable[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        token: str | bool | None = None,
    ) -> Iterator[Collection]:
        """Collections, each with its first items only.

        Args:
            owner: users or organisations.
            item: what must be in them, as ``models/namespace/name``.
            sort: ``lastModified``, ``trending`` or ``upvotes``.
            limit: the most collections; None: all.
        """
        hub = self._hub(token)
        call = collections.page(owners=_words(owner), items=_words(item), sort=sort, limit=limit)
        found = itertools.islice(hub.pages(call), limit)
        return (collection_of(facts, hub.endpoint, position=place) for place, facts in enumerate(found))

    def get_collection(self, collection_slug: str, *, token: str | bool | None = None) -> Collection:
        """A collection with all its items."""
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
        """Make a collection.

        Args:
            namespace: None is the caller.
            exists_ok: one of the same title is as good.

        Raises:
            Conflict: there is one of this title, and not ``exists_ok``.
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
        """Change what is said of a collection; None leaves it. The slug changes with the title."""
        hub = self._hub(token)
        call = collections.change(
            collection_slug, title=title, description=description, position=position, private=private, theme=theme
        )
        return collection_of(hub.send(call), hub.endpoint)

    def delete_collection(
        self, collection_slug: str, *, missing_ok: bool = False, token: str | bool | None = None
    ) -> None:
        """Remove a collection; what is in it stays where it is."""
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
        """Put a ``model``, ``dataset``, ``space``, ``paper`` or ``collection`` into a collection.

        Raises:
            Conflict: it is there already, and not ``exists_ok``.
            NotFound: there is no such thing, or no such collection.
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
        """Change the note or the place of an item; None leaves it."""
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
        """Take an item out of a collection."""
        try:
            self._hub(token).send(collections.remove_item(collection_slug, item_object_id))
        except NotFound:
            if not missing_ok:
                raise


def _words(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
