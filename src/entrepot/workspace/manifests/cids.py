"""Content ids of the old format: a content is a descriptor that lists chunks of 256 KiB."""

from __future__ import annotations

import attrs

from entrepot.workspace.manifests.values import Cid

CHUNK_BYTES = 262_144


@attrs.frozen
class Descriptor:
    """The chunks of a content, in order: the id and the size of each."""

    links: tuple[tuple[Cid, int], ...]

    @property
    def size(self) -> int:
        """The size of the content."""
        return sum(size for _, size in self.links)


class DescriptorHasher:
    """Computes the id that the old format gives to a content; feed it the bytes in order."""

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        raise NotImplementedError

    def cid(self) -> Cid:
        """Return the id of everything that was added."""
        raise NotImplementedError


def parse_cid(text: str) -> Cid:
    """Return the id unchanged if it is one.

    Raises:
        InvalidName: it is not.
    """
    raise NotImplementedError


def read_descriptor(data: bytes, cid: Cid) -> Descriptor:
    """Return the descriptor in an object of the old format.

    Raises:
        ContentMismatch: the bytes do not have this id.
        Malformed: they are not a descriptor.
    """
    raise NotImplementedError
