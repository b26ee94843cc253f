"""The first files of a new repository: ``.gitattributes``, a README, and those that its creator gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.errors import Refused
from entrepot.git import DEFAULT_DATASET, DEFAULT_MODEL, DEFAULT_SPACE, EMPTY_TREE, Kind, Mode, TreeEditor
from entrepot.names import Oid, RepoPath, RepoType, parse_path
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject

MAX_FILES = 1_000
MAX_BYTES = 10 << 20
_TEMPLATES = {RepoType.MODEL: DEFAULT_MODEL, RepoType.DATASET: DEFAULT_DATASET, RepoType.SPACE: DEFAULT_SPACE}


def compose(
    repo_type: RepoType, name: str, files: Mapping[str, bytes], *, sdk: str | None, license_id: str | None
) -> Mapping[RepoPath, bytes]:
    """Return the files of the first commit.

    Args:
        files: added to, or replacing, those that every new repository has.
        sdk, license_id: fields of the README.

    Raises:
        InvalidPath: a file's path breaks a rule.
        Refused: more than 1,000 files, or more than 10 MiB.
    """
    content = {RepoPath(".gitattributes"): _TEMPLATES[repo_type].encode()}
    readme = _readme(repo_type, name, sdk, license_id)
    if readme:
        content[RepoPath("README.md")] = readme.encode()
    for text, data in files.items():
        content[parse_path(text)] = data
    if len(content) > MAX_FILES or sum(map(len, content.values())) > MAX_BYTES:
        raise Refused("a new repository takes at most 1,000 files of 10 MiB in all: commit the rest afterwards")
    return content


def _readme(repo_type: RepoType, name: str, sdk: str | None, license_id: str | None) -> str:
    """Return the README of a new repository; empty if there is nothing to write into it."""
    lines: Sequence[str] = ()
    if repo_type.kind.has_sdk:
        title = name.replace("-", " ").replace("_", " ").title()
        lines = (
            f"title: {title}",
            "emoji: 🚀",
            "colorFrom: blue",
            "colorTo: green",
            f"sdk: {sdk or 'static'}",
            "pinned: false",
        )
    if license_id:
        lines = (*lines, f"license: {license_id}")
    return "\n".join(("---", *lines, "---", "")) if lines else ""


def objects_of(content: Mapping[RepoPath, bytes]) -> tuple[Oid, list[GitObject]]:
    """Return the id of the root tree with these files, and all objects below it."""
    editor = TreeEditor(EMPTY_TREE, lambda _oid: b"")
    made: list[GitObject] = [] if content else [stored.of(Kind.TREE, b"")]
    for path, data in content.items():
        blob = stored.of(Kind.BLOB, data)
        editor.put(path, Mode.FILE, blob.oid)
        made.append(blob)
    root, trees = editor.write()
    return root, made + [GitObject(oid, Kind.TREE, tree) for oid, tree in trees.items()]
