"""Several commits for one change, pushed to a pull request one by one and then merged.

After an interruption, another call with the same plan finds the pull request by
the plan's id and skips the steps that it contains.
Source: docs/protocols/hf_api.md, sections 1B.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import attrs

from entrepot.client.calls import discussions, refs
from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.progress import Progress
from entrepot.client.uploads.multi_commit_plan import MultiCommitPlan, read_steps
from entrepot.client.uploads.publishing import publish
from entrepot.errors import Conflict, Invalid, Refused
from entrepot.wire.community.discussions import Discussion, ReceivedDetails

Report = Callable[[str], None]
"""A callback for progress messages of one line."""

_MAX_TITLE = 200
_FOREIGN = 100
_COMPLETE = "All commits of this upload have been pushed. The pull request can now be reviewed and changed."
_MERGING = "The upload did not ask for a review, so the pull request is merged now."
_EMPTY = "The upload does not change any file, so there is nothing to merge."
_FAILED = "The pull request could not be merged: {reason}"


def push(
    hub: Hub,
    target: CommitTarget,
    plan: MultiCommitPlan,
    message: CommitMessage,
    *,
    merge: bool,
    digests: Digests,
    report: Report,
    progress: Progress | None = None,
    allow_secrets: bool | None = None,
) -> str:
    """Push all steps of a plan to a pull request, merge it if requested, and return its URL.

    Raises:
        Refused: the list of steps in the pull request was changed, or it cannot be merged.
        others: as ``publish``, at any step; pushed steps are kept for the next call.
    """
    pull = _find(hub, target, plan, message)
    if pull is None:
        text = plan.describe(message.summary, message.description, ())
        made = hub.send(discussions.create(target.repo, _title(plan, message), text, is_pull=True))
        report(f"opened pull request {made.num}")
        pull = hub.send(discussions.details(target.repo, made.num, diff=False))
    else:
        report(f"continuing pull request {pull.num}")
    _Push(hub, target, plan, message, pull, digests, report, progress, allow_secrets).run(merge=merge)
    return f"{hub.endpoint}/{target.repo.path}/discussions/{pull.num}"


def _title(plan: MultiCommitPlan, message: CommitMessage) -> str:
    tail = f" (multi-commit {plan.id})"
    return f"[WIP] {message.summary}"[: _MAX_TITLE - len(tail)] + tail


def _find(hub: Hub, target: CommitTarget, plan: MultiCommitPlan, message: CommitMessage) -> ReceivedDetails | None:
    """Return the pull request of an earlier call that was not merged."""
    for thread in _pulls(hub, target):
        if thread.status not in ("draft", "open"):
            continue
        is_named = plan.id in thread.title
        if is_named or thread.title == message.summary:
            found = hub.send(discussions.details(target.repo, thread.num, diff=False))
            if is_named or plan.id in _first_comment(found)[1]:
                return found
    return None


def _pulls(hub: Hub, target: CommitTarget) -> Iterator[Discussion]:
    number = 0
    while True:
        page = hub.send(discussions.page(target.repo, number, kind="pull_request"))
        yield from (thread for thread in page.discussions if thread.is_pull_request)
        if not page.discussions or page.start + len(page.discussions) >= page.count:
            return
        number += 1


def _first_comment(pull: ReceivedDetails) -> tuple[str, str]:
    """Return id and text of the comment that lists the steps."""
    for event in pull.events:
        if event.type == "comment":
            return event.id, str(event.data.get("latest", {}).get("raw", ""))
    return "", ""


@attrs.frozen
class _Push:
    """A plan that is pushed to a pull request."""

    hub: Hub
    target: CommitTarget
    plan: MultiCommitPlan
    message: CommitMessage
    pull: ReceivedDetails
    digests: Digests
    report: Report
    progress: Progress | None
    allow_secrets: bool | None

    def run(self, *, merge: bool) -> None:
        comment, text = _first_comment(self.pull)
        if read_steps(text) != set(self.plan.steps):
            raise Refused(
                f"the list of steps in pull request {self.pull.num} was changed, so the remaining steps are unknown; "
                "close the pull request and upload again"
            )
        done = self._done()
        for step_id, step in self.plan.steps.items():
            if step_id in done:
                continue
            there = CommitTarget(self.target.repo, f"refs/pr/{self.pull.num}")
            publish(
                self.hub,
                there,
                step,
                CommitMessage(step_id),
                progress=self.progress,
                digests=self.digests,
                allow_secrets=self.allow_secrets,
            )
            done.add(step_id)
            text = self.plan.describe(self.message.summary, self.message.description, done)
            self.hub.send(discussions.edit_comment(self.target.repo, self.pull.num, comment, text))
            self.report(f"{len(done)} of {len(self.plan.steps)} commits pushed")
        if self.pull.status == "draft":
            self.hub.send(discussions.change_status(self.target.repo, self.pull.num, "open", _COMPLETE))
        self.hub.send(discussions.rename(self.target.repo, self.pull.num, self.message.summary[:_MAX_TITLE]))
        if merge:
            self._merge()

    def _done(self) -> set[str]:
        """Return the steps that the pull request contains; their ids are the titles of its commits."""
        log = self.hub.pages(refs.log(self.target.repo, f"refs/pr/{self.pull.num}"))
        recent = islice(log, len(self.plan.steps) + _FOREIGN)
        return {entry.title for entry in recent if entry.title in self.plan.steps}

    def _merge(self) -> None:
        repo, number = self.target.repo, self.pull.num
        try:
            self.hub.send(discussions.merge(repo, number, _MERGING))
        except (Invalid, Conflict) as error:
            if "no associated changes" in str(error).lower() or "no changes" in str(error).lower():
                self.hub.send(discussions.change_status(repo, number, "closed", _EMPTY))
                self.report("nothing changed; the pull request is closed")
                return
            self.hub.send(discussions.comment(repo, number, _FAILED.format(reason=error)))
            raise Refused(f"pull request {number} has all commits but cannot be merged: {error}") from error
        self.report(f"merged pull request {number}")
