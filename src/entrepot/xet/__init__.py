"""Pure codecs for Xet: hashes, chunks, xorbs, shards and reconstruction plans.

They convert bytes to values and back, without I/O. For any input, the parsers
raise only errors of :mod:`entrepot.errors`, and their memory is limited to a
small multiple of the input.
"""

from entrepot.xet.builders import XorbBuilder, XorbWriter, recompress
from entrepot.xet.chunk_sets import ChunkSet, pack_ranges
from entrepot.xet.chunking import MIN_CHUNK_BYTES, Chunker, chunk_ends
from entrepot.xet.compression import MAX_CHUNK_BYTES, Scheme
from entrepot.xet.deduplication import AnsweredRun, KnownXorb, dedup_answer, eligible_chunks
from entrepot.xet.file_parts import FilePart, FilePlan, XorbRun, plan_parts, runs_of, serialised_range
from entrepot.xet.hashes import (
    HASH_BYTES,
    ZERO_HASH,
    Buffer,
    MerkleTree,
    chunk_hash,
    encode_hash,
    file_hash,
    keyed_chunk_hash,
    merkle_root,
    range_hash,
    read_hash,
    xorb_hash,
)
from entrepot.xet.indexes import MAX_CHUNKS, MAX_RAW_BYTES, XorbIndex, read_index
from entrepot.xet.plans import Fetch, FetchRange, Lookup, Plan, plan
from entrepot.xet.shards import (
    FileBlock,
    FileBlocks,
    Shard,
    ShardFooter,
    XorbBlock,
    encode_shard,
    parse_shard,
    parse_steps,
)
from entrepot.xet.terms import Term, Terms, WorkCounter
from entrepot.xet.validation import (
    FindUsable,
    UsableXorb,
    check_steps,
    check_xorb,
    named_xorbs,
    named_xorbs_steps,
)
from entrepot.xet.xorbs import (
    MAX_BODY_BYTES,
    MAX_XORB_BYTES,
    Xorb,
    decode_chunks,
    open_chunks,
    parse_xorb,
    verify_chunks,
)

__all__ = [
    "HASH_BYTES",
    "MAX_BODY_BYTES",
    "MAX_CHUNKS",
    "MAX_CHUNK_BYTES",
    "MAX_RAW_BYTES",
    "MAX_XORB_BYTES",
    "MIN_CHUNK_BYTES",
    "ZERO_HASH",
    "AnsweredRun",
    "Buffer",
    "ChunkSet",
    "Chunker",
    "Fetch",
    "FetchRange",
    "FileBlock",
    "FileBlocks",
    "FilePart",
    "FilePlan",
    "FindUsable",
    "KnownXorb",
    "Lookup",
    "MerkleTree",
    "Plan",
    "Scheme",
    "Shard",
    "ShardFooter",
    "Term",
    "Terms",
    "UsableXorb",
    "WorkCounter",
    "Xorb",
    "XorbBlock",
    "XorbBuilder",
    "XorbIndex",
    "XorbRun",
    "XorbWriter",
    "check_steps",
    "check_xorb",
    "chunk_ends",
    "chunk_hash",
    "decode_chunks",
    "dedup_answer",
    "eligible_chunks",
    "encode_hash",
    "encode_shard",
    "file_hash",
    "keyed_chunk_hash",
    "merkle_root",
    "named_xorbs",
    "named_xorbs_steps",
    "open_chunks",
    "pack_ranges",
    "parse_shard",
    "parse_steps",
    "parse_xorb",
    "plan",
    "plan_parts",
    "range_hash",
    "read_hash",
    "read_index",
    "recompress",
    "runs_of",
    "serialised_range",
    "verify_chunks",
    "xorb_hash",
]
