"""Trees of repositories on hubs: files are pointers to large files, documents are files of git."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from entrepot.client.git.git_commands import Git
from entrepot.errors import Refused
from entrepot.git import Pointer, render_pointer
from entrepot.names import Oid, Sha256
from entrepot.workspace.manifests import Manifest
from entrepot.workspace.metadata.git_objects import MAX_PATH_BYTES

TreeEntry = tuple[str, str, bytes | Oid]
"""Mode, path, and the content or the id of a file."""

ATTRIBUTES = b"""\
* filter=lfs diff=lfs merge=lfs -text
/.gitattributes !filter !diff !merge text
/.mlgitignore !filter !diff !merge text
/README.md !filter !diff !merge text
/MANIFEST.yaml !filter !diff !merge text
/MANIFEST.d/* !filter !diff !merge text
/*.spec !filter !diff !merge text
"""
"""All data goes to git-lfs, whatever its name and size; the documents do not."""

_FILE, _EXECUTABLE = "100644", "100755"
_DRAFT = "refs/entrepot/draft"
_RESERVED = ("MANIFEST.yaml", "MANIFEST.d", ".gitattributes")


def write_hub_tree(git: Git, documents: Mapping[str, bytes], manifest: Manifest) -> Oid:
    """Write the tree of a version and return its id; equal versions have equal trees.

    Args:
        documents: spec, README, manifest and its parts, by path.
        manifest: every entry has a SHA-256.

    Raises:
        Refused: a file of the data has the path of a document.
    """
    taken = {*documents, *_RESERVED}
    for path in manifest.files:
        if path in taken or path.partition("/")[0] in _RESERVED:
            raise Refused(f"{path} cannot be kept on a hub, which uses this name itself; rename it, and add it again")
    return write_entries(git, _entries(documents, manifest))


def write_entries(git: Git, entries: Iterable[TreeEntry]) -> Oid:
    """Write a tree with all its files by one process and return its id; no two callers at the same time."""
    stream = bytearray(f"commit {_DRAFT}\ncommitter entrepot <> 0 +0000\ndata 0\n".encode())
    for mode, path, content in entries:
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        escaped = quoted.encode("utf-8", "surrogateescape")
        if isinstance(content, bytes):
            stream += b'M %s inline "%s"\ndata %d\n%s\n' % (mode.encode(), escaped, len(content), content)
        else:
            stream += b'M %s %s "%s"\n' % (mode.encode(), content.encode(), escaped)
    try:
        git.run("fast-import", "--quiet", "--force", "--date-format=raw", stdin=bytes(stream) + b"\ndone\n")
        return Oid(git.line("rev-parse", f"{_DRAFT}^{{tree}}"))
    finally:
        git.attempt("update-ref", "-d", _DRAFT)


def read_entries(git: Git, commit: Oid | None) -> dict[str, tuple[str, Oid]]:
    """Return mode and id of all files of a commit by path; of None, nothing."""
    if commit is None:
        return {}
    found: dict[str, tuple[str, Oid]] = {}
    for entry in git.limited_paths("ls-tree", "-r", "-z", "--full-tree", commit, most_bytes=MAX_PATH_BYTES):
        facts, _, path = entry.partition("\t")
        mode, _, oid = facts.split(" ")
        found[path] = (mode, Oid(oid))
    return found


def _entries(documents: Mapping[str, bytes], manifest: Manifest) -> Iterator[TreeEntry]:
    yield _FILE, ".gitattributes", ATTRIBUTES
    for path, content in documents.items():
        yield _FILE, path, content
    for path, entry in manifest.files.items():
        content = render_pointer(Pointer(Sha256(entry.sha256), entry.size)) if entry.size else b""
        yield _EXECUTABLE if entry.x else _FILE, path, content
