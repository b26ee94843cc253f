"""Configurations and splits of a dataset, as ``datasets`` finds them in a card and in names of files.

Source: docs/protocols/metadata.md, section 5; the patterns of ``datasets`` 5.2.0, which is the oracle of the tests.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

import attrs

from entrepot.cards.data_patterns import DataPaths
from entrepot.cards.dataset_formats import MEDIA_FOLDERS, METADATA, format_of, has_format
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
_KNOWN = frozenset(("config_name", "data_files", "data_dir", "default", "description", "version"))

MAX_CONFIGS = 200
"""Configurations of a card that are read."""


@attrs.frozen
class DatasetConfig:
    """A configuration: its format, such as ``parquet`` or ``imagefolder``, and the files of its splits in order.

    ``metadata``: of folders of media, the files that describe them, by split. ``options``: what the card says
    besides, such as ``sep``, or else the default options of the ending of the files.
    """

    name: str
    is_default: bool
    format: str
    splits: Mapping[str, tuple[str, ...]]
    metadata: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    options: Mapping[str, JsonValue] = attrs.field(factory=dict)

    @property
    def separator(self) -> str:
        """The separator of the fields of its CSV files, usable if it is one of :data:`SEPARATORS`."""
        option = self.options.get("delimiter")
        option = self.options.get("sep", ",") if option is None else option
        return option if isinstance(option, str) else ""

    @property
    def field(self) -> str:
        """The member of the objects in its JSON files that has the rows; empty if the card names none."""
        option = self.options.get("field")
        return option if isinstance(option, str) and self.format == "json" else ""

    @property
    def paths(self) -> list[str]:
        """The paths of all files that it consists of."""
        return [path for group in (self.splits, self.metadata) for files in group.values() for path in files]


def find_configs(card: Mapping[str, JsonValue], paths: Sequence[str]) -> list[DatasetConfig]:
    """Return the configurations of a dataset: those of its card, else one named ``default`` from its files.

    Args:
        card: the metadata of the README.
        paths: every file of the repository.

    Raises:
        Malformed: there is no data file, the card's ``configs`` cannot be read or have too many patterns, or the
            splits of a configuration have different formats.
    """
    configs, data_paths = card.get("configs"), DataPaths(paths)
    if configs is None:
        return [_config("default", _infer(data_paths.below("")), is_default=True)]
    entries = [entry for entry in configs if isinstance(entry, dict)] if isinstance(configs, list) else []
    if not entries or len(entries) != len(configs if isinstance(configs, list) else []) or len(entries) > MAX_CONFIGS:
        raise Malformed("card", f"'configs' must be a list of 1 to {MAX_CONFIGS} mappings")
    names = [entry.get("config_name", "default") for entry in entries]
    if not all(isinstance(name, str) and name for name in names) or len(set(map(str, names))) != len(names):
        raise Malformed("card", "every entry of 'configs' needs a unique string as 'config_name'; quote 'no'")
    default = _default_of(entries)
    found = [
        _config(str(name), _declared_files(entry, data_paths), is_default=str(name) == default, entry=entry)
        for name, entry in zip(names, entries, strict=True)
    ]
    # As in `datasets`, the files of the first configuration decide the default options of all of them.
    defaults = _defaults_of(found[0])
    return [
        attrs.evolve(config, options={**defaults, **_options(entry)}) if config.format == found[0].format else config
        for config, entry in zip(found, entries, strict=True)
    ]


def _defaults_of(config: DatasetConfig) -> Mapping[str, JsonValue]:
    return dict(format_of(next(iter(config.splits.values())))[1])


def _default_of(entries: Sequence[Mapping[str, JsonValue]]) -> str | None:
    marked = [str(entry.get("config_name", "default")) for entry in entries if entry.get("default") is True]
    if len(marked) > 1:
        raise Malformed("card", "only one entry of 'configs' may say 'default: true'")
    if marked:
        return marked[0]
    names = [str(entry.get("config_name", "default")) for entry in entries]
    return names[0] if len(names) == 1 else next((name for name in names if name == "default"), None)


def _declared_files(entry: Mapping[str, JsonValue], paths: DataPaths) -> dict[str, list[str]]:
    """Return the data files of an entry of ``configs`` by split."""
    folder = entry.get("data_dir")
    base = posixpath.normpath(folder) + "/" if isinstance(folder, str) and folder not in ("", ".", "./") else ""
    files = entry.get("data_files")
    if files is None:
        inferred = _infer([path.removeprefix(base) for path in paths.below(base)])
        return {split: [base + path for path in found] for split, found in inferred.items()}
    found: dict[str, list[str]] = {}
    for split, patterns in _patterns_of(files).items():
        matched = [path for pattern in patterns for path in paths.matching(base + pattern.removeprefix("./"))]
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
            raise Malformed("dataset", "a file in 'data' has a split whose name is not valid")
        order = [split for split in _KEYWORDS if split in shards]
        return {split: shards[split] for split in order + sorted(shards.keys() - _KEYWORDS.keys())}
    rules: Sequence[Mapping[str, Callable[[str], bool]]] = (
        {"logs": lambda path: path.endswith(".eval")},
        {"test": lambda path: posixpath.basename(path) in ("task.toml", "instruction.md")},
        {split: functools.partial(_is_in_folder, split) for split in _KEYWORDS},
        {split: functools.partial(_is_in_name, split) for split in _KEYWORDS},
    )
    for rule in rules:
        found = {split: [path for path in paths if is_of(path)] for split, is_of in rule.items()}
        if any(found.values()):
            return {split: files for split, files in found.items() if files}
    return {"train": list(paths)}


@functools.cache
def _has_word(split: str, end: str) -> re.Pattern[str]:
    """Return a pattern that finds a keyword of a split in a name, not next to another letter."""
    return re.compile(rf"(?:\A|{_BOUND})(?:{'|'.join(_KEYWORDS[split])}){end}")


def _is_in_folder(split: str, path: str) -> bool:
    return any(_has_word(split, rf"(?:{_BOUND}|\Z)").search(folder) for folder in path.split("/")[:-1])


def _is_in_name(split: str, path: str) -> bool:
    return _has_word(split, _BOUND).search(posixpath.basename(path)) is not None


def _config(
    name: str,
    splits: Mapping[str, Sequence[str]],
    *,
    is_default: bool,
    entry: Mapping[str, JsonValue] | None = None,
) -> DatasetConfig:
    """Return a configuration: the files of each split that have its format.

    Raises:
        Malformed: the formats of splits differ.
    """
    formats = {split: format_of(files) for split, files in splits.items()}
    form, defaults = next(iter(formats.values()))
    if any(one != (form, defaults) for one in formats.values()):
        listed = ", ".join(_described(split, *one) for split, one in formats.items())
        raise Malformed("dataset", f"the splits of the configuration {name!r} have different formats ({listed})")
    kept = {split: tuple(path for path in files if has_format(path, form)) for split, files in splits.items()}
    for split, files in kept.items():
        if not files:
            raise Malformed("dataset", f"the split {split!r} has no files whose endings are in lower case")
    described = {
        split: tuple(path for path in files if posixpath.basename(path) in METADATA) for split, files in splits.items()
    }
    metadata = described if form in MEDIA_FOLDERS else {}
    options = {} if entry is None else _options(entry)
    return DatasetConfig(name, is_default, form, kept, metadata, {**defaults, **options})


def _described(split: str, form: str, options: Mapping[str, str]) -> str:
    return ", ".join([f"{split}: {form}", *(f"{name} {value!r}" for name, value in options.items())])


def _options(entry: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    return {key: value for key, value in entry.items() if key not in _KNOWN}
