"""Codecs of manifests, old and new, and of the content ids of the old format; no I/O."""

from entrepot.workspace.manifests.cids import (
    CHUNK_BYTES,
    Descriptor,
    DescriptorHasher,
    cid_of,
    parse_cid,
    read_descriptor,
)
from entrepot.workspace.manifests.documents import (
    MANIFEST,
    PARTS_FOLDER,
    named_parts,
    parse_manifest,
    render_manifest,
)
from entrepot.workspace.manifests.entry_paths import check_paths, find_collision
from entrepot.workspace.manifests.values import UNKNOWN_SIZE, Cid, Manifest, ManifestEntry

__all__ = [
    "CHUNK_BYTES",
    "MANIFEST",
    "PARTS_FOLDER",
    "UNKNOWN_SIZE",
    "Cid",
    "Descriptor",
    "DescriptorHasher",
    "Manifest",
    "ManifestEntry",
    "check_paths",
    "cid_of",
    "find_collision",
    "named_parts",
    "parse_cid",
    "parse_manifest",
    "read_descriptor",
    "render_manifest",
]
