"""Use cases on repositories: create, configure, move, duplicate, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import activity, commits, conversions, folders, refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.errors import AlreadyExists, InvalidName, InvalidPath, Malformed
from entrepot.hub import access, audit, events, file_mutability
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller, MaybeCaller, require_change
from entrepot.hub.context import HubContext
from entrepot.hub.files import flagged_files, rechunking
from entrepot.hub.files.multipart_uploads import MULTIPART_THRESHOLD
from entrepot.hub.folders import folder_homes, visibilities
from entrepot.hub.folders.folder_homes import Home
from entrepot.hub.jobs.handlers import run_now
from entrepot.hub.repos import first_files, protections, repo_labels
from entrepot.hub.repos.publishing import Move, Publication, card_job, commit_object, publish
from entrepot.hub.scanning import scan_jobs
from entrepot.names import (
    MAIN,
    RepoId,
    RepoPath,
    RepoRef,
    RepoType,
    new_uid,
    parse_description,
    parse_labels,
    parse_repo_id,
)
from entrepot.storage import fsck
from entrepot.storage import objects as stored

MIN_THRESHOLD = 1 << 20
GATES = ("no", "auto", "manual")


@attrs.frozen
class NewRepo:
    """A repository to create.

    ``namespace`` None: the caller's own; ``visibility`` None: the default
    of the namespace, else of the hub; ``files``: added to, or replacing,
    those that every new repository has; ``multipart_threshold``: size in bytes above
    which files are uploaded in parts, None: the hub's setting; ``is_empty``: the first
    commit has no files at all.
    """

    type: RepoType
    name: str
    namespace: str | None = None
    visibility: str | None = None
    sdk: str | None = None
    license: str | None = None
    files: Mapping[str, bytes] = attrs.field(factory=dict)
    multipart_threshold: int | None = None
    is_empty: bool = False
    labels: Sequence[str] = ()
    description: str = ""


@attrs.frozen
class RepoChanges:
    """Changes to the settings of a repository; None leaves a value as it is.

    ``visibility``: ``public``, ``private``, or ``folder`` to follow the folder again. ``archived``: only admins of
    the namespace set it; of an archived repository, nothing else changes unless the same changes unarchive it.
    """

    visibility: str | None = None
    gated: str | None = None
    options: Mapping[str, object] = attrs.field(factory=dict)
    labels: Sequence[str] | None = None
    description: str | None = None
    archived: bool | None = None


def create(hub: HubContext, caller: MaybeCaller, new: NewRepo) -> RepoRow:
    """Create a repository with one commit on ``main``, titled "initial commit".

    Raises:
        LoginRequired, NotAllowed: the caller may not create it there.
        InvalidName, InvalidPath: the name, the visibility or a file's path breaks a rule.
        Malformed, LimitExceeded: a label or the description breaks a rule, or files were
            given for an empty repository.
        AlreadyExists: the name is taken, in any case; with the page's path as ``url``.
        QuotaExceeded: the namespace has the maximum number of repositories.
    """
    maker = require_change(caller)
    repo_id = parse_repo_id(f"{new.namespace or maker.account.name}/{new.name}")
    content = _first_files(new)
    with hub.read() as tx:
        owner_id = folder_homes.check(tx, maker, repo_id.namespace, new.type).owner_id
    visibilities.check(new.visibility)
    if new.multipart_threshold is not None and not MIN_THRESHOLD <= new.multipart_threshold <= 1 << 40:
        raise Malformed("parameter 'lfsmultipartthresh'", f"expected {MIN_THRESHOLD:,} bytes or more")
    labels, description = parse_labels(new.labels), parse_description(new.description)
    root, made = first_files.objects_of(content)
    commit = commit_object(hub, maker, root, (), "initial commit")
    rows = [stored.row_of(item) for item in (*made, commit)]
    locks = (Lock.namespace(owner_id), Lock.namespace_named(repo_id.namespace), Lock.new_repo(), Lock.audit())
    with hub.write(*locks, by=caller) as tx:
        home = folder_homes.get(hub, tx, maker, repo_id.namespace, new.type)
        ref = RepoRef(new.type, RepoId(home.namespace.name, repo_id.name))
        check_free(tx, ref)
        quotas.check_new_repo(hub, tx, home.namespace, size=sum(map(len, new.files.values())))
        default = home.namespace.default_visibility or hub.settings.default_visibility
        fresh = fresh_row(hub, maker, home, ref, home.visibility(new.visibility, default), new.sdk)
        if new.multipart_threshold is not None:
            fresh = attrs.evolve(fresh, settings={MULTIPART_THRESHOLD: new.multipart_threshold})
        row = repositories.add(tx, attrs.evolve(fresh, labels=labels, description=description))
        events.emit(hub, tx, row, "repo", "create")
        audit.record(hub, tx, maker, "repo.create", access.subject(row), {"visibility": row.visibility})
        move = Move(MAIN, None, commit.oid)
        publish(hub, tx, row, Publication(row.id, move, (), rows, (), tuple(content), maker.account.id))
    hub.job_added.set()
    run_now(hub, card_job(row.id))
    return row


def delete(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Delete a repository: its name immediately, its bytes after the grace period.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed: no access.
    """
    namespace = Lock.namespace_named(ref.id.namespace)
    with hub.write(access.lock(hub, caller, ref, access.writable), namespace, Lock.audit()) as tx:
        row, remover = access.writable(tx, caller, ref)
        discard(hub, tx, remover, row)


def move(hub: HubContext, caller: MaybeCaller, ref: RepoRef, target: RepoRef) -> RepoRow:
    """Give a repository another name or namespace; the old id redirects to it.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access to the repository or the namespace.
        AlreadyExists: the new name is taken.
        QuotaExceeded: it exceeds the quota of the other namespace.
    """
    namespaces = folder_homes.locks_of(ref.id.namespace, target.id.namespace)
    with hub.write(access.lock(hub, caller, ref, _movable, target), *namespaces, Lock.audit()) as tx:
        row, mover = access.writable(tx, caller, ref)
        home = folder_homes.get(hub, tx, mover, target.id.namespace, target.type)
        relocate(hub, tx, mover, row, home.namespace, target.id.name)
        moved = repositories.by_id(tx, row.id)
    assert moved is not None
    hub.job_added.set()
    run_now(hub, card_job(moved.id))
    return moved


def _movable(tx: Read, caller: MaybeCaller, ref: RepoRef, target: RepoRef) -> None:
    _, mover = access.writable(tx, caller, ref)
    folder_homes.check(tx, mover, target.id.namespace, target.type)


def discard(hub: HubContext, tx: Write, by: Caller | str, row: RepoRow) -> None:
    """Make a repository unreachable; the caller has checked the right to do so."""
    events.emit(hub, tx, row, "repo", "delete")
    repositories.unlink(tx, row, hub.now_ms())
    full_text.remove(tx, row.id)
    audit.record(hub, tx, by, "repo.delete", access.subject(row))


def keep_flagged(hub: HubContext, tx: Write, rows: Sequence[RepoRow], namespace: Account) -> None:
    """Keep the scan results of repositories that are about to be moved to the owner of another namespace."""
    for row in rows:
        flagged_files.carry_over(hub, tx, row.id, old_owner=row.owner_id, new_owner=namespace.owner_id)
        scan_jobs.plan(hub, tx, row.id)


def relocate(hub: HubContext, tx: Write, by: Caller | str, row: RepoRow, namespace: Account, name: str) -> RepoRef:
    """Move a repository and return its new name; the caller has checked the right to do so.

    Raises:
        AlreadyExists: the new name is taken.
        QuotaExceeded: it exceeds the quota of the other namespace.
    """
    there = RepoRef(row.type, RepoId(namespace.name, name))
    taken = repositories.find(tx, there)
    if taken is not None and taken.id != row.id:
        raise AlreadyExists(f"A {row.type.value} repository called {there.id.name} already exists in {namespace.name}")
    if namespace.owner_id != row.owner_id:
        quotas.check_new_repo(hub, tx, namespace, copied_from=row)
        keep_flagged(hub, tx, [row], namespace)
    owner = (
        namespace if namespace.parent_id is None else accounts.by_ids(tx, [namespace.parent_id])[namespace.parent_id]
    )
    moved_to = {"name": str(there.id), "owner": {"id": owner.uid}}
    events.emit(hub, tx, row, "repo", "move", {"movedTo": moved_to})
    repositories.rename(tx, row, there, namespace.id)
    activity.change_owner(tx, row.id, namespace.id)
    if namespace.id != row.namespace_id:
        # A folder decides about what is moved into it; outside, the visibility stays as it was.
        folder = None if namespace.parent_id is None else folders.at(tx, row.type, namespace.id)
        outcome = row.visibility if folder is None else folder_homes.outcome_of(folder)
        repositories.update(tx, row.id, follows=folder is not None, visibility=outcome)
        full_text.follow(tx, row.id)
    if row.type.kind.has_commits:
        jobs.enqueue(tx, "card", {"repo": row.id}, hub.now_ms(), dedup_key=card_job(row.id))
    else:
        full_text.put(tx, row.id, str(there.id), (), "")
    audit.record(hub, tx, by, "repo.move", access.subject(row), {"to": str(there.id)})
    if namespace.owner_id != row.owner_id:  # the log of the new owner begins here
        audit.record(hub, tx, by, "repo.receive", f"{row.type.value} {there.id}")
    return there


def configure(hub: HubContext, caller: MaybeCaller, ref: RepoRef, changes: RepoChanges) -> RepoRow:
    """Change settings of a repository.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed: no access.
        RepoArchived: it is archived, and the changes do not unarchive it.
        InvalidName: a value is unknown.
        Malformed, LimitExceeded: a label or the description breaks a rule.
        Refused: the mutability was set before, to another value, or the repository is in no folder to follow.
    """
    if changes.visibility != visibilities.FOLDER:
        visibilities.check(changes.visibility)
    if changes.gated is not None and changes.gated not in GATES:
        raise InvalidName("gate", changes.gated, "expected auto, manual or false")
    # Following reads the visibility of the folder, which changes under the lock of its namespace.
    folder = [Lock.namespace_named(ref.id.namespace)] if changes.visibility == visibilities.FOLDER else []
    with hub.write(*folder, access.lock(hub, caller, ref, access.manageable), Lock.audit()) as tx:
        row, manager = access.manageable(tx, caller, ref)
        _check_archived(manager, row, changes)
        values = _values_of(tx, manager, row, changes)
        if values:
            repositories.update(tx, row.id, **values)
            if values.get("visibility", row.visibility) != row.visibility:
                full_text.follow(tx, row.id)
            if (values.get("gated", row.gated) == "no") != (row.gated == "no") and row.type.kind.has_commits:
                jobs.enqueue(tx, "card", {"repo": row.id}, hub.now_ms(), dedup_key=card_job(row.id))
            if changes.archived is not None and changes.archived != row.is_archived:
                action = "repo.archive" if changes.archived else "repo.unarchive"
                audit.record(hub, tx, manager, action, access.subject(row))
            words = {name: value for name, value in values.items() if isinstance(value, str)}
            words |= {name: json.dumps(value) for name, value in changes.options.items()}
            if words:
                audit.record(hub, tx, manager, "repo.settings", access.subject(row), words)
        repo_labels.change(hub, tx, manager, row, changes.labels, changes.description)
        changed = repositories.by_id(tx, row.id)
        assert changed is not None
        if values:
            updated = {"private": changed.is_private, "gated": changed.gated != "no" and changed.gated}
            if changes.archived is not None:
                updated["archived"] = changed.is_archived
            events.emit(hub, tx, changed, "repo.config", "update", {"updatedConfig": updated})
    hub.job_added.set()
    if changes.gated is not None:  # the text of its card is shown in lists and searches, or no more
        run_now(hub, card_job(changed.id))
    return changed


def _check_archived(manager: Caller, row: RepoRow, changes: RepoChanges) -> None:
    """Raise if the repository is archived and stays so, or if someone who may not archive it tries to.

    Raises:
        NotAllowed: the caller is not an admin of the namespace.
        RepoArchived: the changes leave it archived, and change something else.
    """
    if changes.archived is not None:
        access.check_admin(manager, row)
    if changes.archived is not False and attrs.evolve(changes, archived=None) != RepoChanges():
        access.check_not_archived(row)


def _values_of(tx: Write, manager: Caller, row: RepoRow, changes: RepoChanges) -> dict[str, object]:
    """Return the columns that changes set, after checking the values; labels and description have their own."""
    values: dict[str, object] = {}
    if changes.visibility is not None:
        values |= visibilities.choose(tx, manager, row, changes.visibility)
    if changes.gated is not None:
        values["gated"] = changes.gated
    if changes.archived is not None:
        values["is_archived"] = changes.archived
    if changes.options:
        protections.check_patterns([str(it) for it in _list_of(changes.options.get(protections.BRANCHES))])
        if file_mutability.KEY in changes.options:
            file_mutability.check_setting(row, changes.options[file_mutability.KEY])
        values["settings"] = dict(row.settings) | dict(changes.options)
        if changes.options.get(protections.TAGS):
            protections.check_tags_visible(tx, row)
    return values


def duplicate(hub: HubContext, caller: MaybeCaller, source: RepoRef, target: RepoId, visibility: str | None) -> RepoRow:
    """Copy a repository with its history, branches and tags; no bytes move.

    Claims of uploaders about its large files are verified first; files whose
    claim is false, or cannot be verified now, are left out of the copy.

    Raises:
        RepoNotFound, GatedRepo, LoginRequired, NotAllowed: no access to the repository or the namespace.
        AlreadyExists: the target's name is taken.
        InvalidPath: a branch or tag has a path that breaks the rules of names.
        QuotaExceeded: it exceeds the quota of the namespace.
    """
    maker = require_change(caller)
    visibilities.check(visibility)
    with hub.read() as tx:
        source_id = access.readable(tx, maker, source).id
        folder_homes.check(tx, maker, target.namespace, source.type)
        for name, path, rule in fsck.unreadable(hub.store, tx, source_id):
            if not name.startswith("refs/pr/"):
                raise InvalidPath(path, f"{rule}; rename or delete it on {name} first")
    rechunking.verify_claims(hub, repo_id=source_id)
    namespaces = folder_homes.locks_of(target.namespace)
    with hub.write(Lock.repo_at(source), *namespaces, Lock.new_repo(), Lock.audit(), by=caller) as tx:
        origin = access.readable(tx, maker, source)
        home = folder_homes.get(hub, tx, maker, target.namespace, origin.type)
        ref = RepoRef(origin.type, RepoId(home.namespace.name, target.name))
        check_free(tx, ref)
        quotas.check_new_repo(hub, tx, home.namespace, copied_from=origin)
        # A copy in a public folder must not publish private content.
        chosen = visibility or ("private" if origin.is_private and home.is_public else None)
        # The copy of a gated repository is gated too, so its owner cannot publish it by accident.
        fresh = fresh_row(hub, maker, home, ref, home.visibility(chosen, origin.visibility), origin.sdk)
        noted = attrs.evolve(fresh, labels=origin.labels, description=origin.description)
        row = repositories.add(tx, attrs.evolve(noted, gated=origin.gated))
        now = hub.now_ms()
        objects.copy_all(tx, origin.id, row.id, now)
        commits.copy_all(tx, origin.id, row.id)
        file_links.copy_links(tx, origin.id, row.id, maker.account.id, now)
        conversions.copy(tx, origin.id, row.id)
        refs.copy_all(tx, origin.id, row.id, now)
        events.emit(hub, tx, row, "repo", "create")
        details = {"visibility": row.visibility, "from": access.subject(origin)}
        audit.record(hub, tx, maker, "repo.create", access.subject(row), details)
        jobs.enqueue(tx, "card", {"repo": row.id}, now, dedup_key=card_job(row.id))
    hub.job_added.set()
    run_now(hub, card_job(row.id))
    return row


def fresh_row(
    hub: HubContext, maker: Caller, home: Home, ref: RepoRef, visibility: tuple[str, bool], sdk: str | None
) -> RepoRow:
    """Return the row of a repository that is about to be created.

    Args:
        visibility: the word, and whether the repository follows its folder.
    """
    now, (word, follows) = hub.now_ms(), visibility
    return RepoRow(
        id=0,
        uid=new_uid(),
        namespace_id=home.namespace.id,
        type=ref.type,
        name=ref.id.name,
        creator_id=maker.account.id,
        visibility=word,
        gated="no",
        is_disabled=False,
        settings={},
        created_ms=now,
        updated_ms=now,
        downloads=0,
        likes=0,
        card=None,
        config=None,
        pipeline_tag=None,
        library=None,
        sdk=sdk,
        namespace=home.namespace.name,
        follows=follows,
        parent_id=home.namespace.parent_id,
    )


def check_free(tx: Read, ref: RepoRef) -> None:
    """Raise if a name is taken.

    Raises:
        AlreadyExists: a repository has it; ``url`` is the path of its page.
    """
    if repositories.find(tx, ref) is not None:
        raise AlreadyExists(f"You already created this {ref.type.value} repo", ref.path)


def _list_of(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _first_files(new: NewRepo) -> Mapping[RepoPath, bytes]:
    """Return the files of the first commit; none if the repository is to be empty."""
    if not new.is_empty:
        return first_files.compose(new.type, new.name, new.files, sdk=new.sdk, license_id=new.license)
    if new.files or new.license or new.sdk:
        raise Malformed("new repository", "an empty one has no files, no license and no sdk")
    return {}
