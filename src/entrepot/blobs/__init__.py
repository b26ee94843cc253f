"""Stores of immutable bytes under keys: four basic operations, optional capabilities, verified uploads."""

from entrepot.blobs.interfaces import (
    Blobs,
    DirectReads,
    GroupPuts,
    Inspectable,
    Multipart,
    OpenSink,
    PartSink,
    Reader,
    Sink,
    Stat,
    UncachedReads,
    open_stored,
    put,
)
from entrepot.blobs.keys import file_key, xorb_key, xorb_of
from entrepot.blobs.local import LocalBlobs
from entrepot.blobs.verified import VerifiedSink, receive_verified

__all__ = [
    "Blobs",
    "DirectReads",
    "GroupPuts",
    "Inspectable",
    "LocalBlobs",
    "Multipart",
    "OpenSink",
    "PartSink",
    "Reader",
    "Sink",
    "Stat",
    "UncachedReads",
    "VerifiedSink",
    "file_key",
    "open_stored",
    "put",
    "receive_verified",
    "xorb_key",
    "xorb_of",
]
