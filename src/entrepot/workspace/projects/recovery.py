"""Recovery: work that a crash interrupted is completed by the next command."""

from __future__ import annotations

import msgspec

from entrepot.errors import CacheDamaged
from entrepot.names import Oid
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.placements import CheckoutPlan, finish_checkout
from entrepot.workspace.projects.heads import finish_commit
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.takeovers import needs_takeover, take_over
from entrepot.workspace.state.rows import Step


class _Commit(msgspec.Struct, frozen=True):
    commit: str
    oid: str
    base: str | None = None


def recover(state: KindState) -> None:
    """Complete an interrupted checkout or commit, and rebuild a database that is not there; usually, do nothing.

    Raises:
        ProjectBusy: another process works on it.
    """
    if needs_takeover(state):
        with state.locked():
            if needs_takeover(state):
                take_over(state)
    if not state.database.journal():
        return
    with state.locked():
        for folder, step in state.database.journal().items():
            complete(Entity(state, folder), step)


def complete(entity: Entity, step: Step) -> None:
    """Complete one step of the journal. The caller holds the lock."""
    try:
        if step.kind == "checkout":
            finish_checkout(entity, msgspec.json.decode(step.payload, type=CheckoutPlan))
            return
        commit = msgspec.json.decode(step.payload, type=_Commit)
    except msgspec.ValidationError as error:
        raise CacheDamaged(str(entity.state.database.path), f"its journal cannot be read: {error}") from error
    recorded = entity.state.metadata.refs().unpublished.get(step.tag)
    if recorded is not None and recorded.oid == commit.oid:
        finish_commit(entity, step.tag, Oid(commit.commit), commit.base)
    else:  # the version got no name, so it never was one
        with entity.state.database.transaction() as transaction:
            transaction.set_journal(entity.folder, None)
