"""Fetches over the git protocol: check the right, and choose the git program that serves the request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import refs
from entrepot.errors import Malformed, StoreFull, StoreUnavailable, shown
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
_TRUNCATED = "the remote end hung up unexpectedly"
# Source: git, the texts of ``die`` in upload-pack.c, serve.c, pkt-line.c and list-objects-filter-options.c.
_BAD_REQUEST = re.compile(
    r"protocol error: |(?:git )?upload-pack: (?:protocol error|not our ref|expected |ambiguous deepen|deepen and )|"
    r"(?:invalid|unknown) (?:command|filter|capability|object format|shallow|ref)|Invalid (?:deepen|depth)|"
    r"unexpected line: |mismatched object format|no command requested|command '.*' requested after|object-info: |"
    r"multiple filter-specs|must escape char|expected (?:flush|something|'tree:)|sparse:path|"
    r"filter '.*' not supported|'.*' for 'object:type="
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
"""Object faults made by old programs that git itself accepts; none of them hides files or escapes a folder."""

_SETTINGS: Mapping[str, str] = {
    "uploadpack.allowFilter": "true",
    # A filter that names an object makes git read that object for each request; no present client uses it.
    "uploadpackfilter.sparse:oid.allow": "false",
    # Partial clones fetch single objects later; anyone who may read a repository may read all its objects.
    "uploadpack.allowAnySHA1InWant": "true",
    # Searching for deltas costs a hundred times more than sending stored objects.
    "pack.window": "0",
}


@attrs.frozen(eq=False)
class GitCommand:
    """A git program to run for a client, and the mirror that it reads.

    ``argv`` and ``environ`` are its only inputs; release it when it has ended.
    """

    argv: Sequence[str]
    environ: Mapping[str, str] = attrs.field(repr=False)
    uid: Uid
    _lease: Lease

    def release(self) -> None:
        """Release the mirror that the program was reading; call it once."""
        self._lease.release()


def advertise_uploads(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str) -> GitCommand:
    """Return the program that lists the refs for a fetch.

    Args:
        protocol: the client's ``Git-Protocol`` header; an unknown value counts as empty.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        StoreUnavailable: git is not installed on the hub, or failed.
    """
    return _command(hub, caller, ref, protocol, "--advertise-refs")


def serve_uploads(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str) -> GitCommand:
    """Return the program that answers one fetch request; arguments and errors as :func:`advertise_uploads`."""
    return _command(hub, caller, ref, protocol)


def uses_protocol_v2(protocol: str) -> bool:
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
    """Return the refs of a repository as git lists them: HEAD, then the others in byte order.

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


def check_mirror(hub: HubContext, command: GitCommand, stderr: bytes) -> None:
    """Check why a program failed; a damaged mirror is deleted, and recreated by the next request.

    The output of git may be caused by the client, so it only triggers a check of the mirror.
    """
    if _DAMAGE.search(stderr.decode("utf-8", "replace")):
        hub.mirrors.drop_damaged(command.uid)


def fetch_failure(stderr: bytes) -> Malformed | StoreFull | StoreUnavailable:
    """Return the error for a failed ``git upload-pack``: Malformed if git says that the request cannot be served."""
    said = processes.last_words(stderr)
    if _TRUNCATED in said:
        return Malformed("git request", "the body is truncated")
    if _BAD_REQUEST.match(said):
        return Malformed("git request", shown(said, quote=False))
    return failure(stderr)


def failure(stderr: bytes) -> StoreFull | StoreUnavailable:
    """Return the error for a failed git program, based on its output."""
    return processes.failure("this repository", stderr)


def reason(stderr: bytes) -> str:
    """Return why a program failed, from its output, safe to show; names the object if git refuses one."""
    fault = _FAULT.search(stderr.decode("utf-8", "replace"))
    if fault is not None:
        said = shown(fault["said"].strip(), quote=False)
        return f"the {_kind_of(fault['fault'])} {fault['oid']} is refused: {fault['fault']}: {said}"
    return shown(processes.last_words(stderr), quote=False)


def is_old_fault(stderr: bytes) -> bool:
    """Return whether git refuses an object for a fault of :data:`OLD_FAULTS`, which an import can accept."""
    fault = _FAULT.search(stderr.decode("utf-8", "replace"))
    return fault is not None and fault["fault"] in OLD_FAULTS


def _kind_of(fault: str) -> str:
    """Return the type of object that a fault of ``git fsck`` refers to."""
    if _TREE_FAULTS.search(fault):
        return "tree"
    if fault.startswith(("gitmodules", "gitattributes")):
        return "blob"
    return "tag" if _TAG_FAULTS.search(fault) else "commit"


def _command(hub: HubContext, caller: MaybeCaller, ref: RepoRef, protocol: str, *options: str) -> GitCommand:
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
    lease = hub.mirrors.take(hub.store, hub.read, row)
    if lease.is_slow:
        _plan_repack(hub, row.id)
    argv = processes.command(["upload-pack", "--stateless-rpc", *options, str(lease.path)], _SETTINGS)
    more = {"GIT_PROTOCOL": protocol} if _PROTOCOL.fullmatch(protocol) else {}
    return GitCommand(argv, processes.environment(more), row.uid, lease)


def _plan_repack(hub: HubContext, repo_id: int) -> None:
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "mirror", {"repo": repo_id}, hub.now_ms(), dedup_key=f"mirror:{repo_id}")
    hub.job_added.set()
