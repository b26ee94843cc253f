"""Pure codecs for git objects and protocols: they convert bytes to values and back, without I/O.

For any input, the parsers raise only errors of :mod:`entrepot.errors`. Names
are imported on first use, so that a client which only reads ``.gitattributes``
does not load the other modules.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrepot.git.attributes import (
        DEFAULT_DATASET,
        DEFAULT_MODEL,
        DEFAULT_SPACE,
        MAX_ATTRIBUTES,
        Attributes,
        merge_lfs_rules,
        render_lfs_rule,
    )
    from entrepot.git.commits import Commit, Signature, encode_commit, parse_commit
    from entrepot.git.diffs import Change, diff_trees
    from entrepot.git.edits import TreeEditor
    from entrepot.git.hunks import Effort, Side, matching_lines, unified_diff
    from entrepot.git.ignores import Ignores
    from entrepot.git.merges import Merged, MergeSide, merge_trees
    from entrepot.git.objects import EMPTY_TREE, BlobHasher, Kind, oid_of
    from entrepot.git.patterns import MatchingWork
    from entrepot.git.pktlines import DELIM, FLUSH, Signal, pkt_line, read_pkt_lines
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
    "MAX_ATTRIBUTES",
    "MAX_POINTER_BYTES",
    "Attributes",
    "BlobHasher",
    "Change",
    "Commit",
    "Effort",
    "Entry",
    "Ignores",
    "Kind",
    "MatchingWork",
    "MergeSide",
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
    "matching_lines",
    "merge_lfs_rules",
    "merge_trees",
    "oid_of",
    "parse_commit",
    "parse_pointer",
    "parse_tag_object",
    "parse_tree",
    "pkt_line",
    "read_pkt_lines",
    "render_lfs_rule",
    "render_pointer",
    "unified_diff",
]

_HOMES = {
    # public name -> the module of this package that defines it
    "DEFAULT_DATASET": "attributes",
    "DEFAULT_MODEL": "attributes",
    "DEFAULT_SPACE": "attributes",
    "DELIM": "pktlines",
    "EMPTY_TREE": "objects",
    "FLUSH": "pktlines",
    "MAX_ATTRIBUTES": "attributes",
    "MAX_POINTER_BYTES": "pointers",
    "Attributes": "attributes",
    "BlobHasher": "objects",
    "Change": "diffs",
    "Commit": "commits",
    "Effort": "hunks",
    "Entry": "trees",
    "Ignores": "ignores",
    "Kind": "objects",
    "MatchingWork": "patterns",
    "MergeSide": "merges",
    "Merged": "merges",
    "Mode": "trees",
    "Pointer": "pointers",
    "Side": "hunks",
    "Signal": "pktlines",
    "Signature": "commits",
    "Tag": "tags",
    "TreeEditor": "edits",
    "diff_trees": "diffs",
    "encode_commit": "commits",
    "encode_tag_object": "tags",
    "encode_tree": "trees",
    "matching_lines": "hunks",
    "merge_lfs_rules": "attributes",
    "merge_trees": "merges",
    "oid_of": "objects",
    "parse_commit": "commits",
    "parse_pointer": "pointers",
    "parse_tag_object": "tags",
    "parse_tree": "trees",
    "pkt_line": "pktlines",
    "read_pkt_lines": "pktlines",
    "render_lfs_rule": "attributes",
    "render_pointer": "pointers",
    "unified_diff": "hunks",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
