"""Manifests of the old format: a YAML map from content ids to sets of paths, read without building YAML objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from entrepot.errors import LimitExceeded, Malformed
from entrepot.names import RepoPath
from entrepot.workspace.manifests.cids import parse_cid
from entrepot.workspace.manifests.entry_paths import check_paths
from entrepot.workspace.manifests.values import Cid, Manifest, ManifestEntry

MAX_UNUSUAL_BYTES = 1 << 26
"""A text that the line scanner cannot read goes through a YAML parser, which is many times slower."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = ("", "null", "~")
_KEY = re.compile(r"(zdj7W\w{44}): !!set", re.ASCII)
# With a slash, a plain scalar cannot be a number, a date or a word with a meaning.
_PLAIN = r"[A-Za-z0-9_.][A-Za-z0-9_.+@%=~()^$; -]*/[A-Za-z0-9_./+@%=~()^$; -]*[A-Za-z0-9_./+@%=~()^$;-]"
_ROW = re.compile(
    rf"  (?P<explicit>\? )?(?:(?P<plain>{_PLAIN})|'(?P<quoted>(?:[^'\\\n]|'')+)')(?(explicit)|:(?: null)?)", re.ASCII
)

_Pair = tuple[Cid, str]


def parse_legacy(text: str) -> Manifest:
    """Return the manifest in a text of the old format; no entry has a size.

    Raises:
        Malformed: it is not such a text, has a path twice, or paths that no checkout could write.
        LimitExceeded: it needs the YAML parser and is longer than 64 MiB.
    """
    pairs = _scan(text)
    if pairs is None:
        if len(text) > MAX_UNUSUAL_BYTES:
            raise LimitExceeded("a manifest with unusual syntax", MAX_UNUSUAL_BYTES, "write it with one path a line")
        pairs = list(_parse_yaml(text))
    files = {RepoPath(path): ManifestEntry(cid=cid) for cid, path in pairs}
    if len(files) != len(pairs):
        raise Malformed("manifest", "a path occurs twice")
    check_paths(files)
    return Manifest(files, is_legacy=True)


def _scan(text: str) -> list[_Pair] | None:
    """Return the pairs in a text of the usual shape, or None if a line has another one."""
    pairs: list[_Pair] = []
    cid: Cid | None = None
    is_filled = True
    for line in text.splitlines():
        row = _ROW.fullmatch(line)
        if row is not None and cid is not None:
            pairs.append((cid, row["plain"] or row["quoted"].replace("''", "'")))
            is_filled = True
            continue
        key = _KEY.fullmatch(line)
        if key is None or not is_filled:
            return None
        cid, is_filled = parse_cid(key[1]), False
    return pairs if is_filled else None


def _parse_yaml(text: str) -> Iterator[_Pair]:
    """Yield the pairs in any YAML of the right structure; a text without content has none."""
    depth = 0
    cid: Cid | None = None
    is_key = True
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent | yaml.SequenceStartEvent) or getattr(event, "anchor", None):
                raise Malformed("manifest", "it has an alias, an anchor or a list")
            if isinstance(event, yaml.MappingStartEvent):
                depth, is_key = depth + 1, True
                if depth > 2 or (depth == 2 and cid is None):
                    raise Malformed("manifest", "it is not a map from content ids to sets of paths")
            elif isinstance(event, yaml.MappingEndEvent):
                depth, cid, is_key = depth - 1, None, True
            elif isinstance(event, yaml.ScalarEvent):
                if depth == 1 and is_key:
                    cid, is_key = parse_cid(event.value), False
                elif depth == 2 and is_key:
                    assert cid is not None
                    yield cid, event.value
                    is_key = False
                elif depth == 2 and event.value in _NOTHING:
                    is_key = True
                elif depth or event.value not in _NOTHING:
                    raise Malformed("manifest", f"{event.value[:60]!r} stands where a set of paths should")
    except (yaml.YAMLError, RecursionError) as error:
        raise Malformed("manifest", " ".join(str(error).split())[:200]) from error
