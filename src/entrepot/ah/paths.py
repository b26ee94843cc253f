"""Paths of folders, assets and refs: ``/demo/t9k-assethub/model/llm/gpt2:v1``, or relative to the caller.

The folder ``llm`` of ``demo`` is the namespace ``demo.llm`` of the hub; the
folder ``~`` holds the repositories directly under the account.
"""

from __future__ import annotations

import re
from typing import Literal

import attrs

from entrepot.ah.errors import AssetHubError, InvalidPath
from entrepot.errors import EntrepotError
from entrepot.names import RepoId, RepoRef, RepoType, parse_account, parse_repo_id

HUB = "t9k-assethub"
"""The second part of every full path."""

LOOSE = "~"
"""The folder that holds what belongs to no folder."""

MAIN = "main"
"""The branch that every asset has."""

_FOLDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", re.ASCII)
_KINDS = {"model": RepoType.MODEL, "dataset": RepoType.DATASET}
_LONGEST = 4096
_LONGEST_NAMESPACE = 96
_NO_REF = re.compile(r"[\x00-\x20\x7f:\ud800-\udfff]")

Scope = Literal["own", "shared", "public"]
"""Which folders a list has: those of one owner, those shared with the caller, or those shared with everyone."""


@attrs.frozen
class ResourcePath:
    """A parsed path; a part is None if the path ends before it."""

    owner: str
    type: RepoType
    folder: str | None = None
    asset: str | None = None
    ref: str | None = None

    def __str__(self) -> str:
        text = f"/{self.owner}/{HUB}/{self.type.value}"
        if self.folder is not None:
            text += f"/{self.folder}"
        if self.asset is not None:
            text += f"/{self.asset}"
        return text if self.ref is None else f"{text}:{self.ref}"

    @property
    def noun(self) -> str:
        """The kind of asset: ``Model`` or ``Dataset``."""
        return self.type.value.capitalize()

    @property
    def namespace(self) -> str:
        """The namespace of the folder's repositories."""
        return self.owner if self.folder in (None, LOOSE) else f"{self.owner}.{self.folder}"

    @property
    def repo(self) -> RepoRef:
        """The repository of the asset."""
        assert self.asset is not None
        return RepoRef(self.type, RepoId(self.namespace, self.asset))

    def at_folder(self) -> ResourcePath:
        """Return the path of the folder."""
        return attrs.evolve(self, asset=None, ref=None)

    def at_asset(self) -> ResourcePath:
        """Return the path of the asset, without a ref."""
        return attrs.evolve(self, ref=None)

    def at(self, ref: str) -> ResourcePath:
        """Return the path of a branch, tag or commit of the asset."""
        return attrs.evolve(self, ref=ref)

    def inside(self, asset: str) -> ResourcePath:
        """Return the path of an asset of the folder.

        Raises:
            InvalidPath: it is not the name of an asset.
        """
        _check_asset(asset, self.namespace, asset)
        return attrs.evolve(self, asset=asset, ref=None)


@attrs.frozen
class ListingPath:
    """The path of a list of folders: ``shared/model`` or ``/public/t9k-assethub/model``."""

    scope: Scope
    type: RepoType


def parse_resource(path: str, caller: str) -> ResourcePath:
    """Parse the path of a folder, asset or ref, or of all folders of an owner.

    Args:
        caller: the owner that a relative path leaves out.

    Raises:
        TypeError: the path is not text.
        InvalidPath: it has another form.
        AssetHubError: it begins with ``shared/`` or ``/public/``, which only lists folders.
    """
    parsed = parse_listing(path, caller)
    if isinstance(parsed, ListingPath):
        raise InvalidPath(path, "it can only be listed")
    return parsed


def parse_listing(path: str, caller: str) -> ResourcePath | ListingPath:
    """Parse a path as :func:`parse_resource`, or the path of a list of folders.

    Raises:
        TypeError, InvalidPath, AssetHubError: as :func:`parse_resource`.
    """
    if not isinstance(path, str):
        raise TypeError(f"the path of a resource is text, not {type(path).__name__}")
    if len(path) > _LONGEST:
        raise InvalidPath(path, f"it is longer than {_LONGEST:,} characters")
    trimmed = path[:-1] if path.endswith("/") else path
    names, colon, ref = trimmed.partition(":")
    parts = names.split("/")
    owner, scope = caller, ""
    if parts[0] == "" and len(parts) > 2:
        if parts[2] != HUB:
            raise InvalidPath(path)
        owner, scope, parts = parts[1], parts[1], parts[3:]
    elif parts[0] == "shared":
        scope, parts = "shared", parts[1:]
    if not parts or parts[0] not in _KINDS:
        raise InvalidPath(path)
    kind = _KINDS[parts[0]]
    if scope in ("shared", "public"):
        return _listing(path, "public" if scope == "public" else "shared", kind, is_whole=len(parts) == 1 and not colon)
    if len(parts) > 3 or (colon and len(parts) != 3):
        raise InvalidPath(path)
    return _checked(path, ResourcePath(owner, kind, *parts[1:], **({"ref": ref} if colon else {})))


def check_folder(path: ResourcePath) -> None:
    """Check that a path names a folder that can be changed.

    Raises:
        AssetHubError: it is the folder ``~``.
    """
    if path.folder == LOOSE:
        raise AssetHubError(f"The folder '~' holds what belongs to no folder and cannot be changed: '{path}'")


def _listing(path: str, scope: Literal["shared", "public"], kind: RepoType, *, is_whole: bool) -> ListingPath:
    if not is_whole:
        prefix = f"shared/{kind.value}" if scope == "shared" else f"/public/{HUB}/{kind.value}"
        raise AssetHubError(
            f"'{prefix}' cannot be a prefix: several owners may share folders of one name; "
            f"use /OWNER/{HUB}/{kind.value}/{path.rstrip('/').split(f'{kind.value}/', 1)[-1]}"
        )
    return ListingPath(scope, kind)


def _checked(path: str, parsed: ResourcePath) -> ResourcePath:
    try:
        parse_account(parsed.owner)
    except EntrepotError as error:
        raise InvalidPath(path, f"{parsed.owner[:100]!r} is not the name of an account") from error
    folder = parsed.folder
    if folder is not None and folder != LOOSE and (not _FOLDER.fullmatch(folder) or "--" in folder):
        raise InvalidPath(
            path,
            "the name of a folder has letters, digits, '-' and '_', begins and ends with a letter or digit, "
            "and has no '--'",
        )
    if len(parsed.namespace) > _LONGEST_NAMESPACE:
        raise InvalidPath(path, f"owner and folder have more than {_LONGEST_NAMESPACE} characters together")
    if parsed.asset is not None:
        _check_asset(path, parsed.namespace, parsed.asset)
    if parsed.ref is not None and (not parsed.ref or _NO_REF.search(parsed.ref)):
        raise InvalidPath(path, "the name of a ref has no spaces and no ':'")
    return parsed


def _check_asset(path: str, namespace: str, asset: str) -> None:
    try:
        parse_repo_id(f"{namespace}/{asset}")
    except EntrepotError as error:
        raise InvalidPath(path, str(error)) from error
