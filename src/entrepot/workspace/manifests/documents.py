"""Manifests as text: format 2, which is written, and a choice of the reader for what is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from entrepot.workspace.manifests.values import Manifest

MANIFEST = "MANIFEST.yaml"
PARTS_FOLDER = "MANIFEST.d"

ReadPart = Callable[[str], bytes]
"""A function that returns the bytes of a part by its path in the folder of the entity (``MANIFEST.d/….json``)."""


def parse_manifest(text: bytes, read_part: ReadPart) -> Manifest:
    """Return the manifest in the text of a ``MANIFEST.yaml``, of format 2 or of the old format.

    Args:
        read_part: called for each part that the text names.

    Raises:
        Malformed: the text or a part is not a manifest, or describes files that no checkout could write: a path
            that is invalid, listed twice, inside ``.ml-git``, or below another file.
        LimitExceeded: it is longer than 512 MiB.
    """
    raise NotImplementedError


def render_manifest(manifest: Manifest) -> Mapping[str, bytes]:
    """Return the documents of a manifest in format 2 by their paths: ``MANIFEST.yaml``, then its parts.

    Guarantees: equal manifests give equal bytes; a change of one file changes one part.

    Raises:
        Malformed: an entry has no size.
    """
    raise NotImplementedError
