"""Import git repositories from elsewhere, with history, tags and large files."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AccountNotFound, LimitExceeded, Refused, shown
from entrepot.errors.redactions import redact
from entrepot.git import Pointer
from entrepot.git.commands import Command, CommandStatus, PushRequest
from entrepot.git.listings import read_lines
from entrepot.git.packs import HEADER_BYTES
from entrepot.hub import callers
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.git import git_wire, import_large_files, import_sources, lfs_rewrites, push_publishing, pushes
from entrepot.hub.git.import_sources import ImportSource
from entrepot.hub.git.lfs_rewrites import Rewritten
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import MAIN, Oid, RepoRef, parse_sha256
from entrepot.storage import processes

_OBJECTS = 10_000
"""Small contents of a history that are read together, to find pointers among them."""
_PIECE = 4 << 20
_TOLERATE = "; git accepts such old faults: import again with --tolerate-old-history"
_WANTED = ("refs/heads/", "refs/tags/")

ProgressCallback = Callable[[str], None]


@attrs.frozen
class Imported:
    """The result of an import: numbers of branches, tags and large files, and the refused refs.

    ``rewritten``: the rewritten history, if large regular files became LFS files.
    """

    refs: int
    files: int
    refused: tuple[CommandStatus, ...]
    rewritten: Rewritten | None = None


def import_repo(
    hub: HubContext,
    source: str,
    ref: RepoRef,
    folder: Path,
    *,
    environ: Mapping[str, str],
    visibility: str | None = None,
    tolerates_old: bool = False,
    rewrites_large: bool = False,
    progress: ProgressCallback = lambda _line: None,
) -> Imported:
    """Create a repository with the branches, tags, history and large files of another one.

    The default branch of the source also becomes ``main``
    if the source has no branch of that name.

    Args:
        source: a source that ``git clone`` accepts.
        folder: an empty folder for a clone of the source, deleted by the caller.
        environ: environment for fetching the source, with its owner's credentials.
        tolerates_old: also accept objects with faults of old programs (:data:`~entrepot.hub.git.git_wire.OLD_FAULTS`).
        rewrites_large: rewrite the history so that regular files above the
            limit of the hub become LFS files, instead of refusing them.

    Guarantees: a failed import leaves no repository; the next sweep after the
    grace period deletes the data that it has stored. One that is killed may leave
    the repository with a part of the refs: delete it, and import again.

    Raises:
        AccountNotFound: the namespace of the new repository does not exist.
        AlreadyExists, InvalidName: it cannot be created under this name.
        Refused: the source cannot be fetched, has no commits, or its main branch is refused.
        LimitExceeded, LargeFileMissing, InvalidPath, Malformed: the hub does
            not accept the contents of the source.
    """
    progress(f"fetching {redact(source)}")
    checked = _clone(hub, source, folder, environ)
    heads = dict(_list_refs(folder))
    first = heads.get(MAIN) or _head(folder)
    if first is None:
        raise Refused(f"{shown(redact(source))} has no commits")
    heads.setdefault(MAIN, first)
    rewritten = _without_large(hub, folder, heads, rewrites_large=rewrites_large)
    if rewritten is not None:
        heads = {name: rewritten.ids.get(oid, oid) for name, oid in heads.items()}
    found, owner = _fetch_large(folder, checked), _owner(hub, ref.id.namespace)
    new = NewRepo(ref.type, ref.id.name, ref.id.namespace, visibility, sdk="static" if ref.type == "space" else None)
    row = repositories.create(hub, owner, new)
    try:
        for number, file in enumerate(found, 1):
            progress(f"storing large file {number:,} of {len(found):,}")
            _store(hub, owner, ref, file)
        progress("storing the history")
        verdicts = _push_all(hub, owner, row, folder, heads, git_wire.OLD_FAULTS if tolerates_old else ())
    except BaseException:
        repositories.delete(hub, owner, row.ref)
        raise
    refused = tuple(verdict for verdict in verdicts if verdict.reason is not None)
    return Imported(len(verdicts) - len(refused), len(found), refused, rewritten)


def _clone(hub: HubContext, source: str, folder: Path, environ: Mapping[str, str]) -> ImportSource:
    checked = import_sources.check_source(source, environ, allows_private=hub.settings.import_private_sources)
    cloning = [*checked.options, "clone", "--quiet", "--mirror", "--", checked.url, str(folder)]
    _fetch(cloning, folder.parent, checked.environ)
    return checked


def _without_large(
    hub: HubContext, folder: Path, heads: Mapping[str, Oid], *, rewrites_large: bool
) -> Rewritten | None:
    """Rewrite the history if it has regular files above the limit; return None if it has none.

    Raises:
        LimitExceeded: it has some, and ``rewrites_large`` is False.
    """
    limit = hub.settings.max_inline_file
    large = lfs_rewrites.find_large(folder, limit)
    if not large:
        return None
    if not rewrites_large:
        advice = "import again with --large-files lfs, which rewrites the history"
        raise LimitExceeded(f"the size of {len(large):,} regular files", limit, advice)
    return lfs_rewrites.rewrite(folder, list(dict.fromkeys(heads.values())), large)


def _push_all(
    hub: HubContext, owner: Caller, row: RepoRow, folder: Path, heads: Mapping[str, Oid], tolerated: Sequence[str]
) -> list[CommandStatus]:
    """Push branches and tags into the new repository.

    Args:
        tolerated: git's names of the object faults that are accepted.

    Raises:
        Refused: ``main`` is refused.
    """
    with hub.read() as tx:
        old = refs.find(tx, row.id, MAIN)
    commands = [Command(name, old if name == MAIN else None, oid) for name, oid in heads.items()]
    verdicts = _push(hub, owner, row.ref, folder, PushRequest(tuple(commands), frozenset()), tolerated)
    for verdict in verdicts:
        if verdict.ref == MAIN and verdict.reason is not None:
            raise Refused(f"{MAIN} was refused: {verdict.reason}")
    return verdicts


def _fetch(arguments: list[str], folder: Path, environ: Mapping[str, str]) -> None:
    try:
        # No shell interprets the arguments, and "--" ends the options.
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 - the operator's own git
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Refused("the program 'git' is not installed") from error
    if done.returncode:
        raise Refused(f"the source cannot be fetched: {shown(processes.last_words(done.stderr), quote=False)}")


def _list_refs(folder: Path) -> Iterator[tuple[str, Oid]]:
    listing = processes.run(folder, ["for-each-ref", "--format=%(objectname) %(refname)"])
    for line in read_lines(listing.decode("utf-8", "surrogateescape")):
        oid, _, name = line.partition(" ")
        if not name.startswith(_WANTED):
            continue
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Refused(f"the name of the ref {shown(name)} is not UTF-8; rename it in the source") from None
        yield name, Oid(oid)


def _head(folder: Path) -> Oid | None:
    heads = processes.run(folder, ["for-each-ref", "--format=%(HEAD)%(objectname)", "refs/heads/"]).decode().split("\n")
    current = [line[1:] for line in heads if line.startswith("*")] or [line[1:] for line in heads if line]
    return Oid(current[0]) if current else None


def _fetch_large(folder: Path, source: ImportSource) -> list[Path]:
    """Return the large files of a clone; needs git-lfs only if there are any and private addresses are allowed."""
    filters = ("--filter=object:type=blob", "--filter=blob:limit=1k", "--filter-provided-objects")
    output = processes.run(folder, ["rev-list", "--objects", "--all", *filters])
    oids = [line.split(b" ", 1)[0] + b"\n" for line in output.split(b"\n") if line]
    named: dict[Pointer, None] = {}
    for at in range(0, len(oids), _OBJECTS):  # not all at once: those of a long history take too much memory
        contents = processes.run(folder, ["cat-file", "--batch"], given=b"".join(oids[at : at + _OBJECTS]))
        named.update(dict.fromkeys(import_large_files.pointers_of(contents)))
    pointers = [pointer for pointer in named if not import_large_files.object_path(folder, pointer.sha256).is_file()]
    if pointers and source.kind == "http" and source.is_guarded:
        import_large_files.fetch(source, folder, pointers)
    elif pointers:
        if source.kind == "ssh" and source.is_guarded:
            raise Refused(f"over ssh, the server may name any host for its large files; {import_sources.HINT}")
        if source.is_guarded and import_large_files.configured_endpoint(folder) is not None:
            raise Refused(f"the source's .lfsconfig names another server; {import_sources.HINT}")
        _fetch(["lfs", "fetch", "--all"], folder, source.environ)
    return sorted(path for path in (folder / "lfs" / "objects").glob("*/*/*") if path.is_file())


def _owner(hub: HubContext, name: str) -> Caller:
    """Return a caller with every right in a namespace: the importing operator, acting as its owner."""
    with hub.read() as tx:
        account = accounts.find(tx, name)
    if account is None:
        raise AccountNotFound(name)
    return callers.operator(account)


def _store(hub: HubContext, owner: Caller, ref: RepoRef, file: Path) -> None:
    wanted = lfs.RequestedObject(parse_sha256(file.name), file.stat().st_size)
    [answer] = lfs.plan_uploads(hub, owner, ref, [wanted], takes_parts=False)
    if answer.refusal is not None:
        raise Refused(f"the large file {wanted.sha256} cannot be stored: {answer.refusal[1]}")
    if not isinstance(answer.link, SignedUrl):
        return
    receiving = lfs.receive(hub, wanted.sha256, answer.link.query)
    try:
        with file.open("rb") as data:
            while piece := data.read(_PIECE):
                receiving.write(piece)
        receiving.finish()
    except BaseException:
        receiving.discard()
        raise


def _push(
    hub: HubContext, owner: Caller, ref: RepoRef, folder: Path, request: PushRequest, tolerated: Sequence[str]
) -> list[CommandStatus]:
    push = pushes.begin(hub, owner, ref, request, tolerated=tolerated)
    try:
        wanted = "".join(f"{command.new}\n" for command in request.commands).encode()
        pack = folder / "import.pack"
        with pack.open("wb") as file:
            packer = processes.command(["pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"])
            _pipe(packer, processes.environment({"GIT_DIR": str(folder)}), wanted, file.fileno())
        with pack.open("rb") as file:
            receiver = push.receiver(pushes.check_pack(file.read(HEADER_BYTES)))
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            _pipe(receiver.argv, receiver.environ, file.fileno(), subprocess.DEVNULL)
        return push_publishing.finish(push)
    finally:
        push.close()


def _pipe(argv: Sequence[str], environ: Mapping[str, str], given: bytes | int, output: int) -> None:
    with tempfile.TemporaryFile() as file:
        if isinstance(given, bytes):
            file.write(given)
            file.seek(0)
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            argv,
            env=dict(environ),
            stdin=file if isinstance(given, bytes) else given,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        cure = _TOLERATE if git_wire.is_old_fault(done.stderr) else ""
        raise Refused(f"the history was refused: {git_wire.reason(done.stderr)}{cure}")
