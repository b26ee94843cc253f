"""Git objects as pure codecs: bytes in, values out, no reading and no writing.

Every parser here raises nothing but errors of :mod:`entrepot.errors`,
whatever bytes it is given.
"""

from entrepot.git.attributes import DEFAULT_DATASET, DEFAULT_MODEL, DEFAULT_SPACE, Attributes
from entrepot.git.commits import Commit, Signature, encode_commit, parse_commit
from entrepot.git.diffs import Change, diff_trees
from entrepot.git.edits import TreeEditor
from entrepot.git.hunks import Side, unified_diff
from entrepot.git.ignores import Ignores
from entrepot.git.merges import Merged, merge_trees
from entrepot.git.objects import EMPTY_TREE, BlobHasher, Kind, oid_of
from entrepot.git.pktlines import DELIM, FLUSH, Signal, pkt_line, read_pkt_lines, split_at_flush
from entrepot.git.pointers import MAX_POINTER_BYTES, Pointer, parse_pointer, render_pointer
from entrepot.git.tags import Tag, encode_tag_object, parse_tag_object
from entrepot.git.trees import Entry, Mode, encode_tree, parse_tree

__all__ = [
    "DEFAULT_DATASET",
    "DEFAULT_MODEL",
    "DEFAULT_SPACE",
    "DELIM",
    "EMPTY_TREE",
    "FLUSH",
    "MAX_POINTER_BYTES",
    "Attributes",
    "BlobHasher",
    "Change",
    "Commit",
    "Entry",
    "Ignores",
    "Kind",
    "Merged",
    "Mode",
    "Pointer",
    "Side",
    "Signal",
    "Signature",
    "Tag",
    "TreeEditor",
    "diff_trees",
    "encode_commit",
    "encode_tag_object",
    "encode_tree",
    "merge_trees",
    "oid_of",
    "parse_commit",
    "parse_pointer",
    "parse_tag_object",
    "parse_tree",
    "pkt_line",
    "read_pkt_lines",
    "render_pointer",
    "split_at_flush",
    "unified_diff",
]
