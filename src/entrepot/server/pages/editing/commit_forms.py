"""The common part of forms that commit: the target, the message, and the page to open afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import Operation
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.pulls.pull_refs import ChangeTarget
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import Oid, parse_oid
from entrepot.server.pages.forms import Form
from entrepot.wire.texts import legible


@attrs.frozen
class CommitFields:
    """The part of a form that says how to commit; ``branch``: as people name it, ``suggested``: a message."""

    branch: str
    may_commit: bool
    may_propose: bool
    as_pull: bool
    suggested: str


def fields_of(target: ChangeTarget, form: Form, suggested: str) -> CommitFields:
    """Return the fields with what was chosen before; a commit to the branch comes first for those who may write."""
    as_pull = form.text("how", "commit" if target.may_commit else "pull") == "pull"
    branch = legible(target.ref).removeprefix("refs/heads/")
    return CommitFields(branch, target.may_commit, target.may_propose, as_pull, suggested)


def parent_of(form: Form) -> Oid:
    """Return the commit on which the change was made.

    Raises:
        InvalidName: it is no full id of a commit.
    """
    return parse_oid(form.text("parent"))


def record(
    hub: HubContext,
    caller: MaybeCaller,
    target: ChangeTarget,
    form: Form,
    operations: Iterable[Operation],
    suggested: str,
    after: str,
) -> str:
    """Commit as a form says and return the page to go to: ``after``, or that of the pull request.

    Guarantees: what others have committed since the parent of the form is kept; if it touches
    the same paths, nothing is committed.

    Raises:
        BranchMoved: others have changed one of the paths since the parent.
        Malformed: the form does not say where to commit.
        As :func:`commits.create` and :func:`openings.open_with_commit`.
    """
    summary = form.text("summary").strip() or suggested
    draft = CommitDraft(summary, operations, form.text("description"), parent_of(form), allows_disjoint=True)
    path, how = target.row.ref.path, form.text("how")
    if how == "pull":
        opened = openings.open_with_commit(hub, caller, target.row.ref, target.ref, draft)
        return f"/{path}/discussions/{opened.num}?done=created"
    if how != "commit":
        raise Malformed("form", "choose to commit, or to open a pull request")
    commits.create(hub, caller, target.row.ref, target.ref, draft, ReservationWaiter.impatient())
    if target.ref.startswith("refs/pr/"):
        return f"/{path}/discussions/{target.ref.rpartition('/')[2]}?done=committed"
    return f"{after}?done=committed"
