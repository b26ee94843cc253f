from __future__ import annotations

from entrepot.catalog import Catalog
from entrepot.catalog.files import attachments, files
from entrepot.catalog.files.attachments import Attachment
from entrepot.names import Sha256, new_uid

IMAGE = Attachment(new_uid(), 7, Sha256("ab" * 32), 100, "image/png", 1)


def test_an_image_is_found_counted_and_forgotten(catalog: Catalog) -> None:
    with catalog.write() as tx:
        attachments.add(tx, IMAGE)
        assert attachments.find(tx, IMAGE.uid) == IMAGE
        assert (attachments.bytes_of(tx, 7), attachments.bytes_of(tx, 8)) == (100, 0)
        attachments.remove(tx, IMAGE.uid)
        assert attachments.find(tx, IMAGE.uid) is None


def test_the_bytes_of_an_image_are_needed_as_long_as_its_row_is_there(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, IMAGE.sha256, IMAGE.size, 1)
        attachments.add(tx, IMAGE)
        assert files.unused(tx, 2) == []
        assert list(files.needed(tx)) == [(IMAGE.sha256, 100)]
        attachments.remove(tx, IMAGE.uid)
        assert files.unused(tx, 2) == [(IMAGE.sha256, 100)]
