"""Configurations and splits of a dataset, as ``datasets`` finds them in a card and in names of files.

Source: docs/protocols/metadata.md, section 5; the patterns of ``datasets`` 5.2.0, which is the oracle of the tests.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import Malformed

_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_BOUND = "[-._ 0-9]"
_SHARD = re.compile(r"data/(?P<split>[^/]*)-[0-9]{5}-of-[0-9]{5}[^/]*\.[^/]*")
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")
_IGNORED = frozenset(
    {"README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "dataset_dict.json"}
)
_METADATA = frozenset({"metadata.csv", "metadata.jsonl", "metadata.parquet"})
_BY_EXTENSION = {
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "parquet": "parquet",
    "geoparquet": "parquet",
    "gpq": "parquet",
    "arrow": "arrow",
    "txt": "text",
    "tar": "webdataset",
    "xml": "xml",
    "h5": "hdf5",
    "hdf5": "hdf5",
    "lance": "lance",
    "pdf": "pdffolder",
    **dict.fromkeys("bmp gif ico jpeg jpg png tif tiff webp".split(), "imagefolder"),  # noqa: SIM905
    **dict.fromkeys("aiff flac m4a mp3 ogg opus wav".split(), "audiofolder"),  # noqa: SIM905
    **dict.fromkeys("avi mkv mov mp4 mpeg webm".split(), "videofolder"),  # noqa: SIM905
}
_PREFERRED = ("parquet", "lance", "arrow", "jsonl", "json", "csv")

MAX_CONFIGS = 200
"""Configurations of a card that are read."""


@attrs.frozen
class DatasetConfig:
    """A configuration: its format, such as ``parquet`` or ``imagefolder``, and the files of its splits in order."""

    name: str
    is_default: bool
    format: str
    splits: Mapping[str, tuple[str, ...]]


def find_configs(card: Mapping[str, JsonValue], paths: Sequence[str]) -> list[DatasetConfig]:
    """Return the configurations of a dataset: those of its card, else one named ``default`` from its files.

    Args:
        card: the metadata of the README.
        paths: every file of the repository.

    Raises:
        Malformed: there is no data file, the card's ``configs`` cannot be read, or the splits of a
            configuration have different formats.
    """
    told = card.get("configs")
    if told is None:
        return [_config("default", _infer(_usable(paths, "")), is_default=True)]
    entries = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
    if not entries or len(entries) != len(told if isinstance(told, list) else []) or len(entries) > MAX_CONFIGS:
        raise Malformed("card", f"'configs' must be a list of 1 to {MAX_CONFIGS} mappings")
    names = [entry.get("config_name", "default") for entry in entries]
    if not all(isinstance(name, str) and name for name in names) or len(set(map(str, names))) != len(names):
        raise Malformed("card", "every entry of 'configs' needs a 'config_name' of its own")
    default = _default_of(entries)
    return [
        _config(str(name), _told(entry, paths), is_default=str(name) == default)
        for name, entry in zip(names, entries, strict=True)
    ]


def _default_of(entries: Sequence[Mapping[str, JsonValue]]) -> str | None:
    marked = [str(entry.get("config_name", "default")) for entry in entries if entry.get("default") is True]
    if len(marked) > 1:
        raise Malformed("card", "only one entry of 'configs' may say 'default: true'")
    if marked:
        return marked[0]
    names = [str(entry.get("config_name", "default")) for entry in entries]
    return names[0] if len(names) == 1 else next((name for name in names if name == "default"), None)


def _told(entry: Mapping[str, JsonValue], paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the data files of an entry of ``configs`` by split."""
    folder = entry.get("data_dir")
    base = posixpath.normpath(folder) + "/" if isinstance(folder, str) and folder not in ("", ".", "./") else ""
    files = entry.get("data_files")
    if files is None:
        inferred = _infer([path.removeprefix(base) for path in _usable(paths, "") if path.startswith(base)])
        return {split: [base + path for path in found] for split, found in inferred.items()}
    found: dict[str, list[str]] = {}
    for split, patterns in _patterns_of(files).items():
        matched = [path for pattern in patterns for path in _match(base + pattern.removeprefix("./"), paths)]
        if not matched:
            raise Malformed("card", f"no file of the split {split!r} matches {', '.join(patterns)}")
        found[split] = list(dict.fromkeys(matched))
    return found


def _patterns_of(files: JsonValue) -> dict[str, list[str]]:
    """Return the patterns of ``data_files`` by split."""
    if isinstance(files, str):
        return {"train": [files]}
    if isinstance(files, list) and files and all(isinstance(item, str) for item in files):
        return {"train": [str(item) for item in files]}
    found: dict[str, list[str]] = {}
    for item in files if isinstance(files, list) else [files]:
        split = item.get("split") if isinstance(item, dict) else None
        path = item.get("path") if isinstance(item, dict) else None
        patterns = path if isinstance(path, list) else [path]
        named = isinstance(split, str) and _SPLIT_NAME.fullmatch(split) and split not in found
        if not named or not patterns or not all(isinstance(pattern, str) for pattern in patterns):
            raise Malformed("card", "'data_files' must be paths, or a list of a 'split' and a 'path' each")
        found[str(split)] = [str(pattern) for pattern in patterns]
    if not found:
        raise Malformed("card", "'data_files' names no file")
    return found


def _infer(paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the data files by split, by the first rule that finds a file."""
    if not paths:
        raise Malformed("dataset", "it has no data files")
    shards: dict[str, list[str]] = {}
    for path in paths:
        if match := _SHARD.fullmatch(path):
            shards.setdefault(match["split"], []).append(path)
    if shards:
        if not all(_SPLIT_NAME.fullmatch(split) for split in shards):
            raise Malformed("dataset", "a file in 'data' names a split that is no name")
        order = [split for split in _KEYWORDS if split in shards]
        return {split: shards[split] for split in order + sorted(shards.keys() - _KEYWORDS.keys())}
    rules = (
        {"logs": re.compile(r".*\.eval", re.DOTALL)},
        {"test": re.compile(r"(.*/)?(task\.toml|instruction\.md)", re.DOTALL)},
        {split: _in_folder(split) for split in _KEYWORDS},
        {split: _in_name(split) for split in _KEYWORDS},
    )
    for rule in rules:
        found = {split: [path for path in paths if pattern.fullmatch(path)] for split, pattern in rule.items()}
        if any(found.values()):
            return {split: files for split, files in found.items() if files}
    return {"train": list(paths)}


@functools.cache
def _in_folder(split: str) -> re.Pattern[str]:
    words = "|".join(_KEYWORDS[split])
    return re.compile(rf"(.*/)?([^/]*{_BOUND})?({words})({_BOUND}[^/]*)?/.+", re.DOTALL)


@functools.cache
def _in_name(split: str) -> re.Pattern[str]:
    words = "|".join(_KEYWORDS[split])
    return re.compile(rf"(.*/)?([^/]*{_BOUND})?({words}){_BOUND}[^/]*", re.DOTALL)


def _usable(paths: Sequence[str], pattern: str) -> list[str]:
    """Return the paths that a pattern may match: hidden ones and descriptions only if it names them."""
    hidden = [sum(part.startswith(mark) for part in pattern.split("/")) for mark in (".", "__")]
    last = posixpath.basename(pattern)
    return [
        path
        for path in sorted(paths)
        if (posixpath.basename(path) not in _IGNORED or posixpath.basename(path) == last)
        and sum(part.startswith(".") for part in path.split("/")) == hidden[0]
        and sum(part.startswith("__") for part in path.split("/")[:-1]) == hidden[1]
    ]


def _match(pattern: str, paths: Sequence[str]) -> list[str]:
    compiled = re.compile(_translate(pattern), re.DOTALL)
    return [path for path in _usable(paths, pattern) if compiled.fullmatch(path)]


def _translate(pattern: str) -> str:
    """Return a glob pattern as a regular expression; ``**`` stands for any folders."""
    parts = pattern.split("/")
    found = ""
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        if part == "**":
            found += ".+" if is_last else "(?:[^/]+/)*"
            continue
        found += _translate_part(part) + ("" if is_last else "/")
    return found


def _translate_part(part: str) -> str:
    found, at = "", 0
    while at < len(part):
        sign = part[at]
        end = part.find("]", at + 2) if sign == "[" else -1
        if sign == "*":
            found += "" if found.endswith("[^/]*") else "[^/]*"
        elif sign == "?":
            found += "[^/]"
        elif end > 0:
            inside = part[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            found += f"[^{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]"
            at = end
        else:
            found += re.escape(sign)
        at += 1
    return found


def _config(name: str, splits: Mapping[str, Sequence[str]], *, is_default: bool) -> DatasetConfig:
    """Return a configuration: the files of each split that have its format.

    Raises:
        Malformed: the formats of splits differ.
    """
    formats = {split: _format_of(files) for split, files in splits.items()}
    if len(set(formats.values())) > 1:
        told = ", ".join(f"{split}: {form}" for split, form in formats.items())
        raise Malformed("dataset", f"the splits of the configuration {name!r} have different formats ({told})")
    form = next(iter(formats.values()))
    kept = {split: tuple(path for path in files if form in _formats_of(path)) for split, files in splits.items()}
    return DatasetConfig(name, is_default, form, kept)


def _formats_of(path: str) -> list[str]:
    """Return the formats of all suffixes of a file's name: ``a.txt.gz`` has one, ``text``."""
    suffixes = posixpath.basename(path).lower().split(".")[1:]
    return [_BY_EXTENSION[suffix] for suffix in suffixes if suffix in _BY_EXTENSION]


def _format_of(paths: Sequence[str]) -> str:
    """Return the format of the most frequent extension.

    Raises:
        Malformed: no file has a known one.
    """
    data = [path for path in paths if posixpath.basename(path) not in _METADATA] or paths
    counted = Counter(suffix for path in data for suffix in posixpath.basename(path).lower().split(".")[1:])
    known = {suffix: count for suffix, count in counted.items() if suffix in _BY_EXTENSION}
    if not known:
        raise Malformed("dataset", "it has no files of a known format, such as Parquet, CSV or JSON lines")
    ranks = {suffix: len(_PREFERRED) - at for at, suffix in enumerate(_PREFERRED)}
    return _BY_EXTENSION[max(sorted(known), key=lambda suffix: (known[suffix], ranks.get(suffix, 0)))]
