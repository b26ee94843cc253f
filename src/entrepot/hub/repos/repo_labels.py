"""Annotations of repositories: labels and a description, which need no commit.

Source: docs/staged-changes.md, section 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from entrepot.catalog import Write
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub import access, audit
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.publishing import card_job
from entrepot.names import parse_description, parse_labels


def change(
    hub: HubContext, tx: Write, author: Caller, row: RepoRow, labels: Sequence[str] | None, description: str | None
) -> None:
    """Set labels, a description or both (None keeps); the caller has checked the right to do so.

    Raises:
        LimitExceeded, Malformed: as :func:`~entrepot.names.parse_labels` and :func:`~entrepot.names.parse_description`.
    """
    details: dict[str, str | int] = {}
    if labels is not None:
        repositories.set_labels(tx, row.id, parse_labels(labels))
        details["labels"] = json.dumps(list(labels), ensure_ascii=False)
    if description is not None:
        repositories.update(tx, row.id, description=parse_description(description))
        details["description"] = f"{len(description)} characters"
    if details:
        audit.record(hub, tx, author, "repo.labels", access.subject(row), details)
        # Labels are found by filters immediately, and by full-text search after this job.
        jobs.enqueue(tx, "card", {"repo": row.id}, hub.now_ms(), dedup_key=card_job(row.id))
