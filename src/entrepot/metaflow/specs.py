"""The arguments ``load`` and ``refs`` of the decorators, parsed to values.

An item of ``load`` names a repository: ``"demo/bert"``, ``"demo/bert@v1"``,
``"datasets/demo/imdb"``, a pair of an item and a folder, or a dict with the
arguments of ``snapshot_download``. An item of ``refs`` names an artifact that
contains a reference, or is a pair of a name and a folder.
"""

from __future__ import annotations

import keyword
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from entrepot.client.paths import parse_endpoint
from entrepot.errors import ConfigError, InvalidArgument, InvalidName, RevisionNotFound, shown
from entrepot.names import RepoRef, RepoType, parse_repo_link, parse_revision, split_url

KEYWORDS = (
    "repo_id",
    "repo_type",
    "revision",
    "allow_patterns",
    "ignore_patterns",
    "force_download",
    "max_workers",
    "etag_timeout",
    "endpoint",
    "cache_dir",
    "local_files_only",
    "name",
)
"""Keys of an item that is a dict."""

UNUSED = frozenset(
    [
        "library_name",
        "library_version",
        "user_agent",
        "headers",
        "proxies",
        "resume_download",
        "local_dir_use_symlinks",
        "tqdm_class",
    ]
)
"""Arguments of other clients that flows written for metaflow-checkpoint may pass; they have no effect."""

_REFUSAL = (
    "has a token, which Metaflow would store with the flow: remove it, and set ENTREPOT_TOKEN or HF_TOKEN "
    "(in remote tasks with @secrets or @environment), or run 'entrepot login'"
)


@attrs.frozen
class LoadItem:
    """One item of ``load``; ``key`` is its name in ``loaded``, ``path`` the folder to fill, None a temporary one."""

    ref: RepoRef
    key: str
    revision: str | None = None
    path: str | None = None
    allow: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    is_forced: bool = False
    threads: int | None = None
    etag_timeout_s: float | None = None
    endpoint: str | None = None
    cache: Path | None = None
    is_local_only: bool = False
    token: str | None = attrs.field(default=None, repr=False)
    is_named: bool = False


@attrs.frozen
class RefItem:
    """One item of ``refs``: the name of an artifact, and the folder to fill, None for a temporary one."""

    name: str
    path: str | None = None


def parse_load(value: object, *, takes_token: bool = False) -> list[LoadItem]:
    """Parse ``load``, and give each item its key.

    Raises:
        InvalidArgument: an item is malformed, or two have the same key; the message names it and the remedy.
    """
    items = []
    for at, item in enumerate(_listed("load", value, dict)):
        try:
            items.append(_load_item(item, takes_token=takes_token))
        except (InvalidArgument, InvalidName, RevisionNotFound) as error:
            raise InvalidArgument(f"load[{at}]: {error}") from error
    return with_keys(items)


def parse_refs(value: object, argument: str = "refs") -> list[RefItem]:
    """Parse ``refs``: the name of an artifact, or several, or pairs of a name and a folder.

    Args:
        argument: the name of the argument, for messages.

    Raises:
        InvalidArgument: an item is malformed, or occurs twice.
    """
    found: dict[str, RefItem] = {}
    for at, item in enumerate(_listed(argument, value)):
        name, path = _pair(item)
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidArgument(
                f"{argument}[{at}]: expected the name of an artifact, such as 'model' for self.model, "
                f"or a pair of a name and a folder, not {_named(item)}"
            )
        if name in found:
            raise InvalidArgument(f"{argument}[{at}]: the artifact {name} is listed twice; remove one of them")
        found[name] = RefItem(name, _folder(path))
    return list(found.values())


def check_apart(items: Sequence[LoadItem], refs: Sequence[RefItem]) -> None:
    """Check that no artifact has the key of an item of ``load``.

    Raises:
        InvalidArgument: one has.
    """
    taken = {item.key for item in items} & {item.name for item in refs}
    if taken:
        key = shown(min(taken))
        raise InvalidArgument(f"load and refs both have the key {key}: give the item of load another key with 'name'")


def with_keys(items: Sequence[LoadItem]) -> list[LoadItem]:
    """Return the items with unique keys; a dataset or space whose key is taken gets one with its type.

    Raises:
        InvalidArgument: two items would have the same key.
    """
    taken = {item.key for item in items if item.is_named or item.ref.type is RepoType.MODEL}
    keyed = []
    for item in items:
        key = item.key
        if item.ref.type is not RepoType.MODEL and not item.is_named:
            if key in taken:
                key = f"{item.ref.type.prefix}{key.removeprefix(item.ref.type.prefix)}"
            taken.add(key)
        keyed.append(attrs.evolve(item, key=key))
    keys = [item.key for item in keyed]
    for at, key in enumerate(keys):
        if key in keys[:at]:
            raise InvalidArgument(
                f"load[{at}]: the key {shown(key)} is taken by load[{keys.index(key)}]: "
                "write the item as a dict with a 'name' of its own"
            )
    return keyed


def parse_patterns(name: str, value: object) -> tuple[str, ...] | None:
    """Parse patterns: a wildcard, several, or None.

    Raises:
        InvalidArgument: the value is something else, or a pattern is empty.
    """
    if value is None:
        return None
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
        raise InvalidArgument(f"{name}: expected a pattern such as '*.json', or a list of them, not {_named(value)}")
    patterns = tuple(listed)
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern:
            raise InvalidArgument(f"{name}: expected patterns such as '*.json', not {_named(pattern)}")
    return patterns


def parse_repo(text: object, repo_type: object = None) -> tuple[RepoRef, str | None]:
    """Parse ``repo_id`` or ``repo_id@revision``; the id may have a type in front, and may lack its namespace.

    Raises:
        InvalidArgument, InvalidName, RevisionNotFound: the text is not one.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"expected a repository such as 'demo/bert', not {_named(text)}")
    if repo_type is not None and not isinstance(repo_type, str):
        raise InvalidArgument(f"repo_type: expected 'model', 'dataset' or 'space', not {_named(repo_type)}")
    if "://" in text:
        parts = split_url(text)
        if parts.username is not None or parts.query:
            raise InvalidArgument(f"the address of {shown(parts.hostname or 'the hub')} {_REFUSAL}")
        return parse_repo_link(text, repo_type, is_short_allowed=True), None
    name, at, revision = text.partition("@")
    if at and not revision:
        raise InvalidArgument(f"{shown(text)} ends in '@': write a branch, a tag or a commit after it, or remove it")
    return parse_repo_link(name, repo_type, is_short_allowed=True), parse_revision(revision) if at else None


def parse_address(value: object) -> str | None:
    """Parse ``endpoint``: the address of a hub, or None.

    Raises:
        InvalidArgument: the value is not one; it is not shown, because it may contain a password.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgument("endpoint: expected an address like https://hub.example.org")
    try:
        return parse_endpoint(value)
    except ConfigError as error:
        raise InvalidArgument(f"endpoint: {error.reason}") from error


def absolute(folder: str | os.PathLike[str] | None) -> Path | None:
    """Return a folder of the user as an absolute path."""
    return Path(os.path.abspath(os.path.expanduser(folder))) if folder is not None else None


def parse_item(given: Mapping[Any, Any], path: str | None = None, *, takes_token: bool = False) -> LoadItem:
    """Parse an item from the arguments of ``snapshot_download``; a value of None counts as absent.

    Args:
        takes_token: accept a token, and the arguments of other clients that have no effect here.

    Raises:
        InvalidArgument, InvalidName, RevisionNotFound: an argument cannot be used.
    """
    known = (*KEYWORDS, *UNUSED, "token") if takes_token else KEYWORDS
    if "token" in given and not takes_token:
        raise InvalidArgument(f"{shown(str(given.get('repo_id')))} {_REFUSAL}")
    for key in given:
        if key not in known:
            cure = "write a pair of the item and the folder" if key in ("local_dir", "path") else "remove it"
            raise InvalidArgument(f"unknown key {shown(str(key))}: {cure}; the keys are {', '.join(KEYWORDS)}")
    if "repo_id" not in given:
        raise InvalidArgument("the dict lacks 'repo_id'")
    ref, revision = parse_repo(given["repo_id"], given.get("repo_type"))
    if given.get("revision") is not None:
        if revision is not None or not isinstance(given["revision"], str):
            raise InvalidArgument("revision: expected one branch, tag or commit, in 'revision' or after '@'")
        revision = parse_revision(given["revision"])
    name = given.get("name")
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidArgument(f"name: expected text, not {_named(name)}")
    text = str(given["repo_id"])
    asked = text if revision is None or "@" in text else f"{text}@{revision}"
    return LoadItem(
        ref,
        name or asked,
        revision,
        path,
        parse_patterns("allow_patterns", given.get("allow_patterns")),
        parse_patterns("ignore_patterns", given.get("ignore_patterns")),
        is_forced=bool(given.get("force_download")),
        threads=_whole(given, "max_workers"),
        etag_timeout_s=_seconds(given, "etag_timeout"),
        endpoint=parse_address(given.get("endpoint")),
        cache=absolute(_folder(given.get("cache_dir"))),
        is_local_only=bool(given.get("local_files_only")),
        token=given.get("token") or None,
        is_named=name is not None,
    )


def map_leaves(value: object, change: Callable[[object], object]) -> object:
    """Return a copy of nested lists, tuples and dicts in which ``change`` was applied to every other value."""
    if isinstance(value, dict):
        return {key: map_leaves(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_leaves(item, change) for item in value]
    if isinstance(value, tuple):
        return tuple(map_leaves(item, change) for item in value)
    return change(value)


def _listed(argument: str, value: object, *single: type) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, (str, *single)):
        return (value,)
    if not isinstance(value, list | tuple):
        raise InvalidArgument(f"{argument}: expected a list, not {_named(value)}")
    return value


def _pair(item: object) -> tuple[object, object]:
    """Split an item into what it names and its folder."""
    if isinstance(item, list | tuple):
        if len(item) != 2:
            raise InvalidArgument(f"expected a pair of an item and a folder, not {len(item)} values")
        return item[0], item[1]
    return item, None


def _folder(path: object) -> str | None:
    if path is None:
        return None
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise InvalidArgument(f"expected a folder such as './model', not {_named(path)}")
    return str(os.fspath(path))


def _load_item(item: object, *, takes_token: bool) -> LoadItem:
    what, path = _pair(item)
    if isinstance(what, Mapping):
        return parse_item(what, _folder(path), takes_token=takes_token)
    ref, revision = parse_repo(what)
    return LoadItem(ref, str(what), revision, _folder(path))


def _whole(given: Mapping[Any, Any], key: str) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise InvalidArgument(f"{key}: expected a whole number above 0, not {_named(value)}")
    return value


def _seconds(given: Mapping[Any, Any], key: str) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise InvalidArgument(f"{key}: expected seconds above 0, not {_named(value)}")
    return value


def _named(value: object) -> str:
    """Describe a value that cannot be used; only text is quoted."""
    return shown(value) if isinstance(value, str) else f"a value of type {type(value).__name__}"
