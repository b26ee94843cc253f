"""The headers of the safetensors files of a model, all of them in one answer.

A model is one safetensors file, or an index (``model.safetensors.index.json``) that names the file of each tensor,
relative to its own folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import attrs

from entrepot.errors import EntryNotFound, InvalidPath, LimitExceeded, Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.hub.repos.contents import LocatedFile
from entrepot.names import Oid, RepoPath, RepoRef, parse_path, quote_path
from entrepot.previews import safetensors
from entrepot.previews.safetensors import MAX_TENSORS, Header
from entrepot.previews.sources import MeteredReader

MAX_INDEX = 32 << 20
"""Bytes of an index that are read."""

MAX_SHARDS = 1_000
"""Files of a model that are read."""

MAX_HEADERS = 64 << 20
"""Bytes of all headers of a model that are read."""

_INDEX_ENDING = ".json"
_CURE = "read the headers of the files one by one"


@attrs.frozen
class ModelHeaders:
    """The headers of a model's files by the name that the index gives them, and the metadata of the index."""

    commit: Oid
    headers: Mapping[str, Header]
    metadata: Mapping[str, object] | None


@attrs.define
class _Budget:
    """Bytes of headers, and tensors, that may still be read."""

    header_bytes: int
    tensors: int


def read_headers(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> ModelHeaders:
    """Return the headers of the files that an index names, or that of one safetensors file.

    Args:
        path: a file whose name ends in ``.json`` is read as an index, any other as a safetensors file.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, NotAllowed: the caller may not read one of the files.
        RevisionNotFound, EntryNotFound: the file, or one that the index names, does not exist.
        Malformed: one of them is not what its name says.
        LimitExceeded: the model has more files, tensors or bytes of headers than are read.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    budget = _Budget(MAX_HEADERS, MAX_TENSORS)
    if not path.endswith(_INDEX_ENDING):
        return ModelHeaders(located.commit, {path: _read_header(hub, located, budget)}, None)
    data = _read_index(hub, located)
    try:
        names, metadata = sorted(safetensors.parse_shards(data)), safetensors.parse_index_metadata(data)
    except Malformed as error:
        raise Malformed(f"index {quote_path(path)}", error.reason) from error
    if len(names) > MAX_SHARDS:
        raise LimitExceeded(f"the number of files that {quote_path(path)} names", MAX_SHARDS, _CURE)
    folder = path.rpartition("/")[0]
    headers = {}
    for name in names:
        shard = _locate_shard(hub, caller, located, f"{folder}/{name}" if folder else name)
        headers[name] = _read_header(hub, shard, budget)
    return ModelHeaders(located.commit, headers, metadata)


def _read_index(hub: HubContext, located: LocatedFile) -> bytes:
    if located.size > MAX_INDEX:
        raise LimitExceeded(f"the size of {quote_path(located.path)} in bytes", MAX_INDEX)
    with contextlib.closing(located.open(hub)) as content:
        return content.read_at(0, located.size)


def _locate_shard(hub: HubContext, caller: MaybeCaller, index: LocatedFile, name: str) -> LocatedFile:
    """Return a file of the commit of an index, which names it; the rights of the caller are checked again."""
    try:
        return contents.locate(hub, caller, index.repo.ref, index.commit, parse_path(name))
    except InvalidPath as error:
        raise Malformed(f"index {quote_path(index.path)}", f"it names the file {name[:200]!r}") from error
    except EntryNotFound as error:
        reason = f"{error.reason}: {quote_path(name)}, which {quote_path(index.path)} names"
        raise EntryNotFound(error.path, error.commit, reason) from error


def _read_header(hub: HubContext, located: LocatedFile, budget: _Budget) -> Header:
    with contextlib.closing(located.open(hub)) as content:
        metered = MeteredReader(content, budget.header_bytes)
        try:
            header = safetensors.read_header(metered)
        except Malformed as error:
            if not metered.left:
                raise LimitExceeded("the size of the headers of the model in bytes", MAX_HEADERS, _CURE) from error
            raise Malformed(f"safetensors file {quote_path(located.path)}", error.reason) from error
    budget.header_bytes = metered.left
    budget.tensors -= len(header.tensors)
    if budget.tensors < 0:
        raise LimitExceeded("the number of tensors of the model", MAX_TENSORS, _CURE)
    return header
