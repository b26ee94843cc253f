"""Git objects of a metadata repository, read and written without a work tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entrepot.client.git.git_commands import Git
from entrepot.errors import LimitExceeded, Malformed
from entrepot.names import Oid

MAX_FILE_BYTES = 512 << 20
MAX_PATH_BYTES = 256 << 20

_FILE, _FOLDER = "100644", "040000"


def list_paths(git: Git, commit: Oid) -> list[str]:
    """Return the paths of all files of a commit.

    Raises:
        GitFailed: the commit does not exist.
        LimitExceeded: the paths have more than 256 MiB.
    """
    return git.limited_paths("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, most_bytes=MAX_PATH_BYTES)


def read_files(git: Git, names: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of files by their names, ``<commit>:<path>``; files that do not exist are left out.

    Raises:
        GitFailed: git failed.
        LimitExceeded: a file has more than 512 MiB.
    """
    wanted = [name for name in names if "\n" not in name]
    if not wanted:
        return {}
    question = "".join(f"{name}\n" for name in wanted).encode("utf-8", "surrogateescape")
    sizes = git.run("cat-file", "--batch-check=%(objecttype) %(objectsize)", stdin=question)
    for line in sizes.split(b"\n"):
        kind, _, length = line.partition(b" ")
        if kind == b"blob" and int(length) > MAX_FILE_BYTES:
            raise LimitExceeded("a file of the metadata: its size in bytes", MAX_FILE_BYTES)
    answer = git.run("cat-file", "--batch", stdin=question)
    found: dict[str, bytes] = {}
    at = 0
    for name in wanted:
        end = answer.index(b"\n", at)
        header = answer[at:end].rsplit(b" ", 2)
        at = end + 1
        if header[-1] == b"missing" or len(header) != 3 or header[1] not in (b"blob", b"tree", b"commit", b"tag"):
            continue
        size = int(header[2])
        if header[1] == b"blob":
            found[name] = answer[at : at + size]
        at += size + 1
    return found


def read_file(git: Git, commit: Oid, path: str) -> bytes:
    """Return the content of one file.

    Raises:
        Malformed: the commit has no such file.
        GitFailed, LimitExceeded: as for :func:`read_files`.
    """
    name = f"{commit}:{path}"
    found = read_files(git, [name])
    if name not in found:
        raise Malformed(f"commit {commit[:8]}", f"it has no file {path}")
    return found[name]


def write_folder(git: Git, base: Oid | None, folder: str, files: Mapping[str, bytes] | Oid) -> Oid:
    """Return the tree of a commit with one folder replaced.

    Args:
        base: the commit; None is an empty tree.
        folder: its path; missing folders above it are created.
        files: the contents by path below the folder, or the id of its tree.
    """
    return _with_folder(git, base, folder, files if isinstance(files, str) else write_tree(git, files))


def remove_folder(git: Git, tree: Oid, folder: str) -> Oid:
    """Return a tree (or that of a commit) without one folder, and without folders that become empty."""
    return _with_folder(git, tree, folder, None)


def _with_folder(git: Git, base: Oid | None, folder: str, tree: Oid | None) -> Oid:
    names = folder.split("/")
    for depth in range(len(names) - 1, -1, -1):
        entries = [e for e in _entries(git, base, "/".join(names[:depth])) if e.partition("\t")[2] != names[depth]]
        if tree is not None:
            entries.append(f"{_FOLDER} tree {tree}\t{names[depth]}")
        tree = _make_tree(git, entries) if entries or depth == 0 else None
    assert tree is not None
    return tree


def write_tree(git: Git, files: Mapping[str, bytes]) -> Oid:
    """Write files and return the id of the tree that contains them."""
    entries: list[str] = []
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        top, _, rest = path.partition("/")
        if rest:
            folders.setdefault(top, {})[rest] = content
        else:
            entries.append(f"{_FILE} blob {write_blob(git, content)}\t{top}")
    entries += [f"{_FOLDER} tree {write_tree(git, inside)}\t{name}" for name, inside in folders.items()]
    return _make_tree(git, entries)


def write_blob(git: Git, content: bytes) -> Oid:
    """Write a file and return its id."""
    return Oid(git.run("hash-object", "-w", "--stdin", stdin=content).decode("ascii").strip())


def find_tree(git: Git, commit: Oid, folder: str) -> Oid | None:
    """Return the id of a folder's tree in a commit, or None."""
    done = git.attempt("rev-parse", "--verify", "--quiet", f"{commit}:{folder}")
    return Oid(done.stdout.decode("ascii").strip()) if done.code == 0 else None


def read_parents(git: Git, commit: Oid) -> tuple[Oid, ...]:
    """Return the parents of a commit; raises GitFailed if it does not exist."""
    return tuple(map(Oid, git.line("rev-list", "--parents", "--max-count=1", commit).split()[1:]))


def read_message(git: Git, commit: Oid, most_bytes: int) -> str:
    """Return the message of a commit, of a longer one its beginning; raises GitFailed if the commit does not exist."""
    size = int(git.line("cat-file", "-s", commit))
    if size > MAX_FILE_BYTES:
        raise LimitExceeded("a commit of the metadata: its size in bytes", MAX_FILE_BYTES)
    message = git.run("cat-file", "commit", commit).partition(b"\n\n")[2]
    return message[:most_bytes].decode("utf-8", "replace")


def write_commit(git: Git, tree: Oid, parents: Iterable[Oid], message: str) -> Oid:
    """Write a commit by the user and return its id."""
    options = [option for parent in parents for option in ("-p", parent)]
    done = git.run("commit-tree", tree, *options, stdin=message.encode("utf-8", "surrogateescape"))
    return Oid(done.decode("ascii").strip())


def write_tag(git: Git, name: str, commit: Oid, message: str, tagger: str) -> Oid:
    """Write an annotated tag object and return its id; no ref is created."""
    content = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message.rstrip()}\n"
    return Oid(git.run("mktag", stdin=content.encode("utf-8", "surrogateescape")).decode("ascii").strip())


def _entries(git: Git, base: Oid | None, folder: str) -> list[str]:
    if base is None:
        return []
    done = git.attempt("ls-tree", "-z", f"{base}:{folder}")
    if done.code:
        return []
    return [entry for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0") if entry]


def _make_tree(git: Git, entries: Iterable[str]) -> Oid:
    listed = "".join(f"{entry}\0" for entry in entries).encode("utf-8", "surrogateescape")
    return Oid(git.run("mktree", "-z", stdin=listed).decode("ascii").strip())
