"""The files at the head of main that describe a repository, and what their headers say."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import attrs

from entrepot.cards import (
    DOCUMENTS,
    DatasetFiles,
    JsonValue,
    ModelFiles,
    data_format,
    eval_files,
    find_gguf,
    format_tags,
)
from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.repos.file_metadata import WeightCounts, WeightMetadata
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Damaged, Malformed, NotFound, Unavailable
from entrepot.git import Kind, Mode
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, flagged_files
from entrepot.names import ROOT, Oid, RepoPath, RepoType, Sha256
from entrepot.previews import gguf, parquet, safetensors
from entrepot.previews.sources import BytesRangeReader, MeteredReader, RangeReader
from entrepot.previews.tables import text_tables
from entrepot.previews.time_limits import is_out_of_time, time_limit
from entrepot.storage import objects as stored
from entrepot.storage.contents import Content
from entrepot.storage.trees import Node, Trees

CARD_FILE = RepoPath("README.md")

_MAX_PATHS = 2_000
_MAX_DOCUMENT = 1 << 20
_MAX_TOKENIZER, _MAX_NESTED = 4 << 20, 250_000
_MAX_WEIGHTS = 512
_MAX_TABLES = 64
# Bytes that are read of all files together: a commit waits for it. The headers of the largest models have 20 MB.
_MAX_HEADERS, _MAX_SAMPLES = 24 << 20, 3 << 20
_MAX_GGUF = 2 * gguf.MAX_HEADER
_MAX_EVALUATIONS, _MAX_EVALUATION, _MAX_ALL_EVALUATIONS = 100, 256 << 10, 1 << 20
_YAML = (".yaml", ".yml")
_MODEL_INDEX = "model.safetensors.index.json"

# Of the files that cards.libraries, cards.model_files (only at the top) and cards.dataset_files look at.
_MODEL_EXTENSIONS = frozenset(
    """jinja yaml pb keras nemo skops joblib mlmodel mlpackage bin pt pth h5 index msgpack safetensors onnx gguf tflite
    xml json""".split()  # noqa: SIM905
)
_DATA_EXTENSIONS = frozenset(
    """parquet csv tsv json jsonl ndjson arrow txt tar gz zst jpg jpeg png gif bmp webp tif tiff wav mp3 flac ogg m4a
    opus mp4 mkv avi webm mov pdf xml ply glb obj stl""".split()  # noqa: SIM905
)

T = TypeVar("T")


@attrs.frozen
class StoredFile:
    """A file to read outside of a transaction: its bytes if small, else the large file of a repository."""

    path: RepoPath
    size: int
    data: bytes | None
    repo_id: int
    sha256: Sha256 | None = None

    def open(self, hub: HubContext) -> Content | BytesRangeReader:
        """Return the content; large files must be closed.

        Raises:
            BlobMissing, BlobUnreadable, XorbDamaged: the store has lost it, or a part of it.
        """
        if self.data is not None:
            return BytesRangeReader(self.data)
        assert self.sha256 is not None
        return chunks.open_linked(hub, self.repo_id, self.sha256, self.size)


@attrs.frozen
class FoundFiles:
    """What describes a repository: its README, its paths, JSON documents, and the files whose headers count.

    ``evaluations``: the texts of files with evaluation results, by path. ``is_card_hidden``: whether the text of the
    README is kept from readers, because a scanner has flagged it or the repository is gated.
    """

    readme: str
    paths: Sequence[str]
    documents: Mapping[str, Mapping[str, JsonValue]]
    headers: Sequence[StoredFile]
    evaluations: Mapping[str, str] = attrs.field(factory=dict)
    is_card_hidden: bool = False

    @property
    def model(self) -> ModelFiles:
        """The files as those of a model."""
        return ModelFiles(self.paths, self.documents)


def may_describe(kind: RepoType, paths: Iterable[str]) -> bool:
    """Return whether one of these files may say something about its repository, which is of a type."""
    return any(_may_one_describe(kind, path) for path in paths)


def _may_one_describe(kind: RepoType, path: str) -> bool:
    is_top, extension = "/" not in path, path.rpartition(".")[2].lower()
    if is_top and extension == "md":
        return True
    if kind.kind.has_library:
        if path.startswith(f"{eval_files.FOLDER}/"):
            return True
        return (is_top and extension in _MODEL_EXTENSIONS) or bool(format_tags((path,)))
    return kind is RepoType.DATASET and extension in _DATA_EXTENSIONS


def find(hub: HubContext, tx: Read, row: RepoRow, head: Oid) -> FoundFiles:
    """Return the files of a commit that describe its repository.

    Card and documents are found however many files there are; at most 2,000 other paths are looked at, those of the
    root folder before those of folders.
    """
    trees = Trees(hub.store, tx, row.id)
    root = stored.root_of(hub.store, tx, row.id, head)
    has_library = row.type.kind.has_library
    named = _find_named(trees, root, {CARD_FILE, *({_MODEL_INDEX, *DOCUMENTS} if has_library else ())})
    nodes = _list_files(trees, root, is_deep=has_library or row.type is RepoType.DATASET)
    readme = _text(tx, row.id, named.get(CARD_FILE), _MAX_DOCUMENT)
    documents = {name: _document(tx, row.id, node) for name, node in named.items() if name in DOCUMENTS}
    wanted = [node for node in nodes if _has_header(row.type, str(node.path))]
    shards = _shards(tx, row.id, named.get(_MODEL_INDEX))
    if shards is not None:
        wanted = [node for node in wanted if not node.path.endswith(".safetensors") or node.path in shards]
    located = [_locate(tx, row.id, node) for node in wanted[:_MAX_WEIGHTS]]
    paths = list(dict.fromkeys(str(node.path) for node in (*named.values(), *nodes)))
    evaluations = _evaluations(trees, tx, row, root) if has_library else {}
    headers = [file for file in located if file is not None]
    card = named.get(CARD_FILE)
    names_of_card = [] if card is None else [flagged_files.name_small(row, card.entry.oid)]
    is_hidden = row.gated != "no" or bool(flagged_files.flagged_of(hub, tx, names_of_card))
    return FoundFiles(readme, paths, documents, headers, evaluations, is_hidden)


def _find_named(trees: Trees, root: Oid, names: Collection[str]) -> dict[str, Node]:
    """Return the files of the root folder that have one of these names."""
    ordered = sorted(names)
    found = zip(ordered, trees.find_each(root, ordered), strict=True)
    return {
        name: Node(RepoPath(name), entry)
        for name, entry in found
        if entry is not None and not entry.is_folder and entry.mode != Mode.GITLINK
    }


def _list_files(trees: Trees, root: Oid, *, is_deep: bool) -> list[Node]:
    """Return files, those of the root folder first, of the first 2,000 entries."""
    at_top = trees.walk(root, ROOT, is_deep=False)
    nested = (node for node in trees.walk(root, ROOT, is_deep=True) if "/" in node.path) if is_deep else ()
    return [node for node in itertools.islice(itertools.chain(at_top, nested), _MAX_PATHS) if not node.is_folder]


def _evaluations(trees: Trees, tx: Read, row: RepoRow, root: Oid) -> Mapping[str, str]:
    """Return the first files with evaluation results, by path: a megabyte of them takes a second to parse."""
    folder = RepoPath(eval_files.FOLDER)
    entry = trees.find(root, folder)
    if entry is None or not entry.is_folder:
        return {}
    walked = (node for node in trees.walk(entry.oid, folder, is_deep=False) if not node.is_folder)
    named = [node for _, node in zip(range(_MAX_EVALUATIONS), walked, strict=False)]
    found, left = dict[str, str](), _MAX_ALL_EVALUATIONS
    for node in named:
        if not node.path.endswith(_YAML):
            continue
        text = _text(tx, row.id, node, _MAX_EVALUATION)
        left -= len(text)
        if left < 0:
            break
        found[str(node.path)] = text
    return found


@time_limit()
def weigh(hub: HubContext, found: FoundFiles) -> WeightMetadata:
    """Return the numbers of parameters that the headers of a model's weights say."""
    counts: Counter[str] = Counter()
    left, files_read, is_complete = _MAX_HEADERS, 0, True
    for file in found.headers:
        if not file.path.endswith(".safetensors"):
            continue
        header, left = _read(hub, file, safetensors.read_header, left)
        if header is None:
            is_complete = False
            break
        counts.update(safetensors.count_parameters([header]))
        files_read += 1
    tensors = None
    if files_read and is_complete:
        tensors = WeightCounts(dict(counts), sum(counts.values()), sharded=files_read > 1)
    model = find_gguf(str(file.path) for file in found.headers)
    described = next((_describe_gguf(hub, file) for file in found.headers if file.path == model), None)
    return WeightMetadata(tensors, described)


@time_limit()
def sample(hub: HubContext, found: FoundFiles) -> DatasetFiles:
    """Return the columns and the number of rows of a dataset's tables.

    The rows are unknown if a table cannot be read; of many tables, the
    first are read and the rows of the others estimated from their sizes.
    """
    columns: dict[str, str] = {}
    rows: int | None = 0
    left, read = _MAX_SAMPLES, list[StoredFile]()
    for file in found.headers[:_MAX_TABLES]:
        if read and (left < text_tables.SAMPLE or is_out_of_time()):
            break
        table, left = _read(hub, file, functools.partial(_sample_table, str(file.path)), left)
        if read and (not left or is_out_of_time()):
            break
        read.append(file)
        if table is None:
            rows = None
            continue
        columns |= table[0]
        rows = rows + table[1] if rows is not None else None
    if rows is not None and len(found.headers) > len(read):
        share = sum(file.size for file in found.headers) / max(sum(file.size for file in read), 1)
        rows = round(rows * share)
    return DatasetFiles(found.paths, columns, rows if read else None)


def _sample_table(path: str, source: RangeReader) -> tuple[dict[str, str], int]:
    kind = data_format(path)
    if kind == "parquet":
        footer = parquet.read_footer(source)
        return {column.path: column.type for column in footer.columns if not column.is_nested}, footer.rows
    if kind == "csv":
        table = text_tables.sample_csv(source, separator="\t" if path.endswith(".tsv") else ",")
    else:
        table = text_tables.sample_json_lines(source)
    return dict(table.columns), table.rows


def _describe_gguf(hub: HubContext, file: StoredFile) -> dict[str, JsonValue] | None:
    header, _ = _read(hub, file, gguf.read_header, _MAX_GGUF)
    if header is None:
        return None
    words: dict[str, JsonValue] = {
        "total": header.parameters,
        "architecture": header.architecture,
        "context_length": header.context_length,
        "chat_template": header.text("tokenizer.chat_template"),
        "bos_token": header.special_tokens.get("bos"),
        "eos_token": header.special_tokens.get("eos"),
        "totalFileSize": file.size,
    }
    return {key: value for key, value in words.items() if value is not None}


def _read(hub: HubContext, file: StoredFile, read: Callable[[RangeReader], T], left: int) -> tuple[T | None, int]:
    """Return the finding of a reader in a file, and how many bytes of other files may still be read.

    Args:
        left: bytes that may be read.

    Returns:
        None in place of a finding if the file cannot be read, which never stops the indexing.
    """
    try:
        content = file.open(hub)
    except (NotFound, Damaged, Unavailable):
        return None, left
    metered = MeteredReader(content, left)
    try:
        return read(metered), metered.left
    except (Malformed, NotFound, Damaged, Unavailable):
        return None, metered.left
    finally:
        if not isinstance(content, BytesRangeReader):
            content.close()


def _has_header(kind: RepoType, path: str) -> bool:
    if kind.kind.has_library:
        # In folders, safetensors files are parts of one model (unet, vae) or copies of it: their sum says nothing. GGUF
        # files are not summed, and one in a folder is a whole model.
        return path.endswith(".gguf") or ("/" not in path and path.endswith(".safetensors"))
    is_packed = path.endswith((".gz", ".zst"))
    return data_format(path) in ("parquet", "csv", "json") and not is_packed and not path.endswith(".json")


def _shards(tx: Read, repo_id: int, node: Node | None) -> frozenset[str] | None:
    """Return the files that the index of a model names; None if no index can be read."""
    if node is None:
        return None
    try:
        return safetensors.parse_shards(_text(tx, repo_id, node, 16 << 20).encode())
    except Malformed:
        return None


def _locate(tx: Read, repo_id: int, node: Node) -> StoredFile | None:
    """Return where the content of a file is; None if the repository may not use it."""
    row = objects.find(tx, repo_id, node.entry.oid)
    if row is None:
        return None
    if row.sha256 is None:
        return StoredFile(node.path, row.size, stored.content_of(row), repo_id) if row.data is not None else None
    if row.data is None:
        return StoredFile(node.path, row.size, None, repo_id, row.sha256)
    kept = file_links.stored_form(tx, repo_id, row.sha256)
    return StoredFile(node.path, kept.size, None, repo_id, row.sha256) if kept is not None else None


def _text(tx: Read, repo_id: int, node: Node | None, limit: int) -> str:
    """Return the text of a small regular file; empty if it does not exist."""
    row = objects.find(tx, repo_id, node.entry.oid) if node is not None else None
    if row is None or row.kind != Kind.BLOB or row.data is None or row.size > limit:
        return ""
    return stored.content_of(row).decode("utf-8", "replace")


def _document(tx: Read, repo_id: int, node: Node) -> Mapping[str, JsonValue]:
    text = _text(tx, repo_id, node, _MAX_TOKENIZER)
    if text.count("{") + text.count("[") > _MAX_NESTED:
        return {}
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
