"""Publication of a version: branch and tag move in one atomic push, merged with what others have published."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import attrs

from entrepot.errors import GitFailed, Refused, VersionTaken
from entrepot.git.listings import read_lines
from entrepot.names import Oid
from entrepot.workspace.metadata.git_objects import find_tree, write_commit, write_folder
from entrepot.workspace.metadata.ref_tables import TAGS, UNPUBLISHED, TagRef
from entrepot.workspace.metadata.repositories import MetadataRepository

PATIENCE_S = 60.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 3.0
_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to (update|lock) ref|reference already exists"
    r"|incorrect old value|failed to update",
    re.IGNORECASE,
)
_NOT_ATOMIC = re.compile(r"does not support --atomic", re.IGNORECASE)


@attrs.frozen
class PublishedHead:
    """A published version: the head of the branch that contains it, and how often the push was tried."""

    head: Oid
    tries: int
    is_atomic: bool = True


def publish(
    repository: MetadataRepository,
    tag: str,
    ref: TagRef,
    folder: str,
    *,
    now: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> PublishedHead:
    """Publish a local version: its tag, and a branch of the remote that contains its commit.

    The tagged commit itself never changes: if the branch has moved, a merge commit takes the remote's
    tree with the entity's folder replaced.

    Args:
        folder: the folder of the entity in the commit.

    Raises:
        VersionTaken: the remote has another version with this tag.
        Refused: other writers kept moving the branch for a minute.
        GitFailed: the remote refused the push; neither branch nor tag changed.
    """
    start = now()
    tries = 0
    while True:
        tries += 1
        remote = repository.refs().tags.get(tag)
        head = head_with(repository, tag, ref, folder)
        if remote is not None and remote.oid == ref.oid:
            return _done(repository, tag, ref, repository.head() or head, tries)
        if remote is not None:
            raise taken(repository, tag)
        failure = push(
            repository, "origin", f"{head}:refs/heads/{repository.branch}", f"{UNPUBLISHED}{tag}:{TAGS}{tag}"
        )
        if failure is None:
            return _done(repository, tag, ref, head, tries)
        if _NOT_ATOMIC.search(failure.reason):
            return _publish_in_two_steps(repository, tag, ref, head, tries)
        repository.fetch()
        arrived = repository.refs().tags.get(tag)
        if arrived is None and not _RACE.search(failure.reason):
            raise failure
        if arrived is None and now() - start > PATIENCE_S:
            raise Refused(f"other writers kept moving the branch {repository.branch}; push {tag} again later")
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**tries)
        wait(random.uniform(longest / 4, longest))  # noqa: S311 - jitter, not a secret


def head_with(repository: MetadataRepository, tag: str, ref: TagRef, folder: str) -> Oid:
    """Return a commit that contains both the head of the remote's branch and a local version."""
    git, head = repository.git, repository.head()
    if head is None or git.attempt("merge-base", "--is-ancestor", head, ref.commit).code == 0:
        return ref.commit
    if git.attempt("merge-base", "--is-ancestor", ref.commit, head).code == 0:
        return head
    own = find_tree(git, ref.commit, folder)
    assert own is not None
    return write_commit(git, write_folder(git, head, folder, own), (head, ref.commit), f"Merge version {tag}\n")


def taken(repository: MetadataRepository, tag: str) -> VersionTaken:
    """Return the error for a version whose number someone else has published."""
    done = repository.git.attempt("log", "-1", "--format=%an, %aI", f"{TAGS}{tag}", "--")
    holder = done.stdout.decode("utf-8", "replace").strip() or "someone else"
    cure = f"it was published by {holder}; use 'push --bumpversion', or 'update' and then 'add --bumpversion'"
    return VersionTaken(tag, cure)


def _done(repository: MetadataRepository, tag: str, ref: TagRef, head: Oid, tries: int) -> PublishedHead:
    repository.mark_published(tag, ref, head)
    return PublishedHead(head, tries)


def push(repository: MetadataRepository, remote: str, *refspecs: str, is_atomic: bool = True) -> GitFailed | None:
    """Push refs to a remote or a URL; return why git or the remote refused it, or None if it was done."""
    options = ("--atomic",) if is_atomic else ()
    arguments = ("push", "--porcelain", "--no-verify", "--recurse-submodules=no", *options, remote, *refspecs)
    done = repository.git.attempt(*arguments)
    if done.code == 0:
        return None
    said = done.stdout.decode("utf-8", "replace")
    refusals = [line.split("\t")[-1] for line in read_lines(said) if line.startswith("!")]
    failure = repository.git.failure(arguments, done)
    return GitFailed("push", "; ".join(dict.fromkeys([*refusals, failure.reason])))


def _publish_in_two_steps(
    repository: MetadataRepository, tag: str, ref: TagRef, head: Oid, tries: int
) -> PublishedHead:
    """Publish at a remote without atomic pushes: the branch first, so that a tag is never without its branch."""
    for refspec in (f"{head}:refs/heads/{repository.branch}", f"{UNPUBLISHED}{tag}:{TAGS}{tag}"):
        failure = push(repository, "origin", refspec, is_atomic=False)
        if failure is not None:
            raise failure
    return attrs.evolve(_done(repository, tag, ref, head, tries), is_atomic=False)
