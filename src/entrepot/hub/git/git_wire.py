"""Repositories as git clients read them: who may, and what is run to answer them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import refs
from entrepot.errors import StoreFull, StoreUnavailable, shown
from entrepot.git.listings import AdvertisedRef
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller as MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import MAIN, Oid, RefName, RepoRef, Uid
from entrepot.storage import processes
from entrepot.storage.mirrors import Lease
from entrepot.storage.objects import peel

_PROTOCOL = re.compile(r"[A-Za-z0-9=:._-]{1,200}")
_DAMAGE = re.compile(
    r"corrupt|damaged|inflate|bad object|broken|missing (?:blob|tree|commit)|unable to (?:read|open|parse)|"
    r"not a git repository|cannot be accessed|does not match index|unable to find|could not read|not valid",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"^(?:error|fatal|warning): (?:in )?(?:\w+ )?(?P<oid>[0-9a-f]{40}): (?P<fault>[A-Za-z0-9]+): (?P<said>.*)$",
    re.MULTILINE,
)
_TREE_FAULTS = re.compile(
    r"badFilemode|badTree|duplicateEntries|emptyName|fullPathname|hasDot|nullSha1|treeNotSorted|zeroPaddedFilemode|"
    r"largePathname|Symlink$"
)
_TAG_FAULTS = re.compile(r"badTag|missingTag|badType|missingType|extraHeaderEntry|missingObject|badObjectSha1")
OLD_FAULTS = (
    "badDate", "badDateOverflow", "badEmail", "badFilemode", "badName", "badTagName", "badTimezone", "extraHeaderEntry",
    "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingTaggerEntry",
    "multipleAuthors", "nulInCommit", "zeroPaddedDate", "zeroPaddedFilemode",
)  # fmt: skip
"""Faults of objects that old programs have made and git itself reads; none of them hides or escapes anything."""

_SETTINGS: Mapping[str, str] = {
    "uploadpack.allowFilter": "true",
    # A filter that names an object has git read it with each request; no client of today asks for it.
    "uploadpackfilter.sparse:oid.allow": "false",
    # Partial clones fetch single objects later; every object of a repository may be read by whoever reads it.
    "uploadpack.allowAnySHA1InWant": "true",
    # Looking for deltas costs a hundred times more than sending what is stored.
    "pack.window": "0",
}


@attrs.frozen(eq=False)
class GitCommand:
    """A program to be run for a client, and what it reads.

    ``argv`` and ``environ`` are all that it gets; release it when it has ended.
    """

    argv: Sequence[str]
    environ: Mapping[str, str] = attrs.field(repr=False)
    uid: Uid
    _lease: Lease

    def release(self) -> None:
        """Let go of what the program was reading; to be called once."""
        self._lease.release()


def advertise_uploads(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str) -> GitCommand:
    """Return what tells a client which refs there are to be fetched.

    Args:
        protocol: the client's ``Git-Protocol`` header; whatever is none counts as empty.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        StoreUnavailable: git is not installed on the hub, or failed.
    """
    return _errand(hub, caller, ref, protocol, "--advertise-refs")


def serve_uploads(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str) -> GitCommand:
    """Return what answers one request of a client that fetches; arguments and errors as :func:`advertise_uploads`."""
    return _errand(hub, caller, ref, protocol)


def speaks_two(protocol: str) -> bool:
    """Return whether a client's ``Git-Protocol`` header asks for version 2."""
    return _PROTOCOL.fullmatch(protocol) is not None and "version=2" in protocol.split(":")


def check_fetch(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may fetch from a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
    """
    with hub.read() as tx:
        access.readable(tx, caller, ref)


def list_refs(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> list[AdvertisedRef]:
    """Where the refs of a repository stand, as git lists them: HEAD, then the others in the order of their bytes.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        found = dict(refs.everything(tx, row.id))
        peeled = {oid: peel(tx, row.id, oid) for oid in _annotated(tx, row.id, found)}
    listed = [AdvertisedRef(name, found[name], peeled.get(found[name])) for name in sorted(found, key=str.encode)]
    return [AdvertisedRef("HEAD", found.get(MAIN), target=MAIN), *listed]


def _annotated(tx: Read, repo_id: int, found: Mapping[RefName, Oid]) -> list[Oid]:
    return list(objects.tags(tx, repo_id, [oid for name, oid in found.items() if name.startswith("refs/tags/")]))


def judge(hub: HubContext, command: GitCommand, stderr: bytes) -> None:
    """Look at how a program failed; a mirror that is damaged is removed, to be made anew.

    What git says may be the client's doing, so it is only a reason to look.
    """
    if _DAMAGE.search(stderr.decode("utf-8", "replace")):
        hub.mirrors.drop_damaged(command.uid)


def failure(stderr: bytes) -> StoreFull | StoreUnavailable:
    """Return the error for a program of git that failed, by what it printed."""
    return processes.failure("this repository", stderr)


def reason(stderr: bytes) -> str:
    """Return why a program failed, in its own words, fit to be shown; an object that git refuses is named."""
    fault = _FAULT.search(stderr.decode("utf-8", "replace"))
    if fault is not None:
        said = shown(fault["said"].strip(), quote=False)
        return f"the {_kind_of(fault['fault'])} {fault['oid']} is refused: {fault['fault']}: {said}"
    return shown(processes.last_words(stderr), quote=False)


def _kind_of(fault: str) -> str:
    """Return the type of object that a fault of ``git fsck`` is about."""
    if _TREE_FAULTS.search(fault):
        return "tree"
    if fault.startswith(("gitmodules", "gitattributes")):
        return "blob"
    return "tag" if _TAG_FAULTS.search(fault) else "commit"


def _errand(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str, *options: str) -> GitCommand:
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
    lease = hub.mirrors.take(hub.store, hub.read, row)
    if lease.is_slow:
        _plan_repack(hub, row.id)
    argv = processes.command(["upload-pack", "--stateless-rpc", *options, str(lease.path)], _SETTINGS)
    more = {"GIT_PROTOCOL": protocol} if _PROTOCOL.fullmatch(protocol) else {}
    return GitCommand(argv, processes.environment(more), row.uid, lease)


def _plan_repack(hub: HubContext, repo_id: int) -> None:
    with hub.write() as tx:
        jobs.enqueue(tx, "mirror", {"repo": repo_id}, hub.now_ms(), dedup_key=f"mirror:{repo_id}")
    hub.job_added.set()
