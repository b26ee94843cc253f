"""Publication on a hub: the branch main and the tag of a version move in one transaction of the hub."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable

import attrs

from entrepot.client.calls import refs as ref_calls
from entrepot.client.calls import repos as repo_calls
from entrepot.errors import Conflict, GitFailed, InvalidName, Malformed, Refused, RepoNotFound
from entrepot.names import Oid, RepoRef
from entrepot.wire.repos.repositories import RepoSettings
from entrepot.workspace.entities.kinds import KINDS
from entrepot.workspace.entities.specs import Spec, parse_spec
from entrepot.workspace.entities.version_tags import find_tag, parse_tag
from entrepot.workspace.hubs.repositories import MAIN, OTHER_REPOSITORY, HubMetadata, main_of
from entrepot.workspace.hubs.trees import read_entries, write_entries
from entrepot.workspace.metadata.git_objects import read_file, write_commit
from entrepot.workspace.metadata.publishing import PATIENCE_S, PublishedHead, push, taken
from entrepot.workspace.metadata.ref_tables import TAGS, UNPUBLISHED, TagRef

_RACE = re.compile(
    r"fetch first|non-fast-forward|was moved in the meantime|stale info|cannot lock ref|busy", re.IGNORECASE
)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 3.0
_HEAD = "refs/entrepot/fetched/head"
_MAX_SPECS = 10

Notify = Callable[[str], None]


@attrs.frozen
class PreparedRepository:
    """The repository of an entity, ready for versions; ``is_new`` if it did not exist before."""

    ref: RepoRef
    is_new: bool


def prepare_repository(repository: HubMetadata, spec: Spec, *, sets_mutability: bool = True) -> PreparedRepository:
    """Create the repository of an entity if it has no version yet, with its mutability; idempotent.

    Args:
        sets_mutability: False leaves it to a later :func:`set_mutability`.

    Raises:
        Refused: a repository of this name belongs to something else, or has another mutability.
        HubFailure, HubUnreachable, HubTimeout: the hub refused, or cannot be reached.
    """
    ref = repository.check_repository(spec)
    published = filter(None, map(find_tag, repository.refs().tags))
    if any(tag.identity == spec.identity for tag in published):
        return PreparedRepository(ref, is_new=False)
    is_new = True
    try:
        repository.hub.send(repo_calls.create(ref))
    except Conflict:  # it exists
        is_new = False
        _check_free(repository, ref, spec)
    repository.hub.send(repo_calls.configure(ref, RepoSettings(immutable_tags=True)))
    if sets_mutability:
        set_mutability(repository, spec)
    return PreparedRepository(ref, is_new)


def set_mutability(repository: HubMetadata, spec: Spec) -> None:
    """Set the mutability of an entity's repository; idempotent.

    Raises:
        Refused: it has another one.
        HubFailure, HubUnreachable, HubTimeout: the hub refused, or cannot be reached.
    """
    ref = repository.address.repo_of(spec)
    repository.hub.send(repo_calls.configure(ref, RepoSettings(mutability=spec.mutability.value)))


def publish_on_hub(
    repository: HubMetadata,
    tag: str,
    ref: TagRef,
    repo: RepoRef,
    notify: Notify,
) -> PublishedHead:
    """Publish a local version: its tag, and a head of main that contains its commit, in one transaction.

    The tagged commit never changes. Changes that others have made on main since the last version stay there,
    unless the version changes the same files.

    Args:
        notify: receives a sentence if it does.

    Raises:
        VersionTaken: the hub has another version with this tag.
        Refused: other writers kept moving the branch for a minute.
        GitFailed: the hub refused the push; neither branch nor tag changed.
    """
    start, tries = time.monotonic(), 0
    while True:
        tries += 1
        remote = repository.refs().tags.get(tag)
        head = head_with(repository, tag, ref, _current_head(repository, repo), notify)
        if remote is not None and remote.oid != ref.oid:
            raise taken(repository, tag)
        if remote is None:
            failure = push(
                repository,
                repository.address.git_url(repo),
                f"{head}:refs/heads/{MAIN}",
                f"{UNPUBLISHED}{tag}:{TAGS}{tag}",
            )
            if failure is not None:
                repository.fetch_repository(repo, parse_tag(tag).identity.name)
                if repository.refs().tags.get(tag) is None:
                    _check_patience(failure, time.monotonic() - start, tag)
                    longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**tries)
                    time.sleep(random.uniform(longest / 4, longest))  # noqa: S311 - jitter, not a secret
                continue
        repository.mark_published(tag, ref, head)
        return PublishedHead(head, tries)


def head_with(repository: HubMetadata, tag: str, ref: TagRef, head: Oid | None, notify: Notify) -> Oid:
    """Return a commit that contains both the head of main and a local version."""
    git = repository.git
    if head is None or git.attempt("merge-base", "--is-ancestor", head, ref.commit).code == 0:
        return ref.commit
    if git.attempt("merge-base", "--is-ancestor", ref.commit, head).code == 0:
        return head
    own, theirs = read_entries(git, ref.commit), read_entries(git, head)
    base = read_entries(git, _last_version(repository, tag, head))
    merged = dict(own)
    for path in base.keys() | theirs.keys():
        if base.get(path) == theirs.get(path) or own.get(path) == theirs.get(path):
            continue
        if own.get(path) != base.get(path):
            if path == ".gitattributes":
                continue  # the hub creates one with each repository
            notify(f"{path} was changed on the hub too; {tag} replaces it, and the history keeps it")
        elif path in theirs:
            merged[path] = theirs[path]
        else:
            del merged[path]
    tree = write_entries(git, ((mode, path, oid) for path, (mode, oid) in sorted(merged.items())))
    return write_commit(git, tree, (head, ref.commit), f"Merge version {tag}\n")


def _last_version(repository: HubMetadata, tag: str, head: Oid) -> Oid | None:
    """Return the commit of the newest version of an entity that a head contains."""
    version = find_tag(tag)
    assert version is not None
    pattern = f"{version.identity}__*"
    done = repository.git.attempt("describe", "--tags", "--abbrev=0", f"--match={pattern}", head)
    if done.code:
        return None
    return Oid(repository.git.line("rev-parse", f"{TAGS}{done.stdout.decode().strip()}^{{commit}}"))


def _current_head(repository: HubMetadata, repo: RepoRef) -> Oid | None:
    """Return the head of main on the hub, whose objects are here afterwards."""
    head = main_of(repository.hub.send(ref_calls.listing(repo)), repository.address)
    if head is not None and repository.git.attempt("cat-file", "-e", head).code:
        try:
            url = repository.address.git_url(repo)
            repository.git.run("fetch", "--quiet", "--no-tags", url, f"+refs/heads/{MAIN}:{_HEAD}")
            head = Oid(repository.git.line("rev-parse", _HEAD))
        finally:
            repository.drop_fetched()
    return head


def _check_free(repository: HubMetadata, ref: RepoRef, spec: Spec) -> None:
    """Check that a repository that exists is not that of another entity."""
    try:
        head = _current_head(repository, ref)
        names = read_entries(repository.git, head)
        specs = [path for path in names if "/" not in path and path.endswith(".spec")]
        contents = [read_file(repository.git, head, path) for path in specs[:_MAX_SPECS]] if head is not None else []
    except (Malformed, RepoNotFound):
        return
    for kind, content in itertools.product(KINDS, contents):
        try:
            other = parse_spec(content, kind, str(ref))
        except (Malformed, InvalidName):
            continue
        if kind != spec.kind or other.name != spec.name:
            raise Refused(f"{ref} belongs to {kind.word} ({other.name}); {OTHER_REPOSITORY}")


def _check_patience(failure: GitFailed, waited_s: float, tag: str) -> None:
    if not _RACE.search(failure.reason):
        raise failure
    if waited_s > PATIENCE_S:
        raise Refused(f"other writers kept moving the branch {MAIN}; push {tag} again later")
