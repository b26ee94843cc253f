"""Files whose upload mode the client can decide without asking the hub.

A hub decides by ``.gitattributes``, ``.gitignore``, size and content: text is committed, and files that
match an LFS rule go to the LFS store. Reading the rules once avoids asking about each of thousands of
files. Unclear cases are left to the hub. Source: docs/protocols/hf_api.md, section 4.2.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from entrepot.client.calls import files, trees
from entrepot.client.commit_target import CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add
from entrepot.client.sources import SAMPLE, PathSource
from entrepot.errors import EntrepotError
from entrepot.git import Attributes, Ignores
from entrepot.names import RepoPath
from entrepot.wire.repos.trees import TreeEntry

MAX_BYTES = 64 << 10
"""For files above this size, the hub decides."""

_MAX_KEPT = 64 << 20
_MAX_RULES = 16
_MAX_RULE_BYTES = 1 << 20
_ATTRIBUTES, _IGNORES = ".gitattributes", ".gitignore"


class LocalDecision(enum.Enum):
    """The upload mode of a file, if the client can decide it without the hub."""

    TEXT = "committed as a regular file"
    LARGE = "stored with LFS"
    UNCLEAR = "the hub must decide"


class LocalLfsRules:
    """Decides by the rules of one repository; keeps the contents that it reads, up to 64 MiB.

    Args:
        attributes: the text of each ``.gitattributes``, by its folder (``""`` is the root).
        ignores: the text of ``.gitignore``; ``""`` if there is none.
    """

    def __init__(self, attributes: Mapping[str, str], ignores: str) -> None:
        self._attributes = {folder: Attributes.parse(text) for folder, text in attributes.items()}
        self._ignores = Ignores.parse(ignores)
        self._kept = 0
        self.contents: dict[RepoPath, bytes] = {}

    def decide(self, add: Add) -> LocalDecision:
        """Decide the upload mode of a file; the content of a text is added to ``contents``.

        Raises:
            SourceChanged, SourceMissing, SourceUnreadable: the file changed after it was found, or cannot be read.
        """
        source = add.source
        if not isinstance(source, PathSource) or source.size > MAX_BYTES or self._ignores.matches(add.path):
            return LocalDecision.UNCLEAR
        decision = self._is_lfs(add.path)
        if decision:
            # No hub stores an empty file with LFS.
            return LocalDecision.LARGE if source.size else LocalDecision.UNCLEAR
        if self._kept + source.size > _MAX_KEPT:
            return LocalDecision.UNCLEAR
        content = source.read()
        if not _is_text(content):
            # Without a rule, a NUL byte in the sample sent to the hub decides.
            is_binary = decision is None and b"\0" in content[:SAMPLE]
            return LocalDecision.LARGE if is_binary else LocalDecision.UNCLEAR
        self._kept += len(content)
        self.contents[add.path] = content
        return LocalDecision.TEXT

    def _is_lfs(self, path: RepoPath) -> bool | None:
        folder, _, below = path.rpartition("/")
        while True:
            rules = self._attributes.get(folder)
            decision = rules.is_lfs(RepoPath(below)) if rules is not None else None
            if decision is not None or not folder:
                return decision
            folder, _, last = folder.rpartition("/")
            below = f"{last}/{below}"


def read_rules(
    hub: Hub, target: CommitTarget, folder: str, there: Mapping[str, TreeEntry], ignores: str | None
) -> LocalLfsRules | None:
    """Read the rules that apply below a folder; None if there are too many, or if reading fails.

    Args:
        there: every file below ``folder``, by path.
        ignores: a ``.gitignore`` that replaces the repository's.
    """
    try:
        above = _above(hub, target, folder)
        found = {path: entry for path, entry in {**there, **above}.items() if _is_rule(path)}
        if len(found) > _MAX_RULES or any(entry.size > _MAX_RULE_BYTES for entry in found.values()):
            return None
        texts = {path: _read(hub, target, path) for path in found}
    except (EntrepotError, UnicodeDecodeError):
        return None
    attributes = {
        path.removesuffix(_ATTRIBUTES).rstrip("/"): text for path, text in texts.items() if path.endswith(_ATTRIBUTES)
    }
    return LocalLfsRules(attributes, texts.get(_IGNORES, "") if ignores is None else ignores)


def _above(hub: Hub, target: CommitTarget, folder: str) -> dict[str, TreeEntry]:
    """Return the entries of rule files in the folder and in the folders above it."""
    if not folder:
        return {}
    parts = folder.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
    wanted = [_IGNORES, *(f"{above}/{_ATTRIBUTES}" if above else _ATTRIBUTES for above in folders)]
    return {entry.path: entry for entry in hub.send(trees.describe(target.repo, target.revision, wanted))}


def _is_rule(path: str) -> bool:
    return path == _IGNORES or path.rpartition("/")[2] == _ATTRIBUTES


def _read(hub: Hub, target: CommitTarget, path: str) -> str:
    call = attrs.evolve(files.content(target.repo, target.revision, path), most_bytes=_MAX_RULE_BYTES)
    return hub.send(call).decode("utf-8")


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
