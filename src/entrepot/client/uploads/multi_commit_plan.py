"""Split many operations into several commits, each with an id that does not change between runs.

Ids and texts are those of huggingface_hub 0.21.4 (``_multi_commits.py``), so
either client can continue what the other one has started.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import attrs

from entrepot.client.digests import Digests
from entrepot.client.operations import Add, AddStored, Delete, DeleteFolder, Operation
from entrepot.errors import InvalidArgument

T = TypeVar("T")

MAX_OPERATIONS = 50
MAX_BYTES = 2 << 30

_STEP = re.compile(r"^- \[[ x]\].*?([0-9a-fA-F]{64})", re.MULTILINE)
_UNITS = ("", "K", "M", "G", "T", "P", "E", "Z")

Step = Sequence[Operation]
"""The operations of one commit: additions, or deletions."""


@attrs.frozen
class MultiCommitPlan:
    """The commits in order, deletions first; a mapping from their ids."""

    id: str
    steps: Mapping[str, Step]

    def describe(self, summary: str, description: str, done: Iterable[str]) -> str:
        """Return the plan as the first comment of a pull request, in Markdown.

        Each step has a checkbox, which is checked if the step is in ``done``.
        """
        finished = set(done)
        boxes = "\n".join(_box(step_id, step, step_id in finished) for step_id, step in self.steps.items())
        return _COMMENT.format(summary=summary, description=description, plan=self.id, boxes=boxes)


def split(
    items: Iterable[T],
    *,
    size_of: Callable[[T], int],
    most_items: int = MAX_OPERATIONS,
    most_bytes: int = MAX_BYTES,
) -> list[list[T]]:
    """Split items into groups of limited number and size; an item above the size limit gets a group of its own.

    The same items always give the same groups.
    """
    groups: list[list[T]] = []
    group: list[T] = []
    length = 0
    for item in items:
        size = size_of(item)
        if size >= most_bytes:
            groups.append([item])
            continue
        if group and length + size >= most_bytes:
            groups.append(group)
            group, length = [], 0
        group.append(item)
        length += size
        if len(group) >= most_items:
            groups.append(group)
            group, length = [], 0
    return [*groups, group] if group else groups


def plan(deletions: Sequence[Step], additions: Sequence[Step], digests: Digests) -> MultiCommitPlan:
    """Return the plan of these commits; added files are hashed unless their digests are known.

    Raises:
        InvalidArgument: there is nothing to do, a commit is empty, or two commits are the same.
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
    """
    steps: dict[str, Step] = {}
    total = hashlib.sha256()
    for step in [*additions, *deletions]:
        step_id = _step_id(step, digests)
        if step_id in steps:
            raise InvalidArgument("two commits of the plan are the same; every commit must be different")
        steps[step_id] = step
        total.update(b"new step" + step_id.encode())
    if not steps:
        raise InvalidArgument("there is nothing to commit")
    ordered = [*list(steps)[len(additions) :], *list(steps)[: len(additions)]]
    return MultiCommitPlan(total.hexdigest(), {step_id: steps[step_id] for step_id in ordered})


def read_steps(comment: str) -> set[str]:
    """Return the ids of all steps that a comment lists, done or not."""
    return set(_STEP.findall(comment))


def size_of(operation: Operation) -> int:
    """Return the size of the content of an operation in bytes."""
    if isinstance(operation, Add):
        return operation.source.size
    return operation.size if isinstance(operation, AddStored) else 0


def _step_id(step: Step, digests: Digests) -> str:
    if not step:
        raise InvalidArgument("a commit of the plan is empty; every commit needs an operation")
    digest = hashlib.sha256()
    for operation in step:
        match operation:
            case Add() | AddStored():
                sha256 = digests.sha256(operation.source) if isinstance(operation, Add) else operation.sha256
                digest.update(b"ADD" + operation.path.encode() + bytes.fromhex(sha256))
            case Delete():
                digest.update(b"DELETE" + operation.path.encode() + b"False")
            case DeleteFolder():
                digest.update(b"DELETE" + operation.path.encode() + b"/True")
            case _:
                raise InvalidArgument("several commits can add and delete files only; copy files in a separate commit")
    return digest.hexdigest()


def _box(step_id: str, step: Step, is_done: bool) -> str:
    added = [item for item in step if isinstance(item, Add | AddStored)]
    folders = sum(isinstance(item, DeleteFolder) for item in step)
    if added:
        what = f"Upload {len(added)} file(s) totalling {_readable(sum(map(size_of, added)))}"
    else:
        what = f"Delete {len(step) - folders} file(s) and {folders} folder(s)"
    return f"- [{'x' if is_done else ' '}] {what} ({step_id})"


def _readable(size: int) -> str:
    number = float(size)
    for unit in _UNITS:
        if number < 1000:
            return f"{number:.1f}{unit}" if unit else str(size)
        number /= 1000
    return f"{number:.1f}Y"


_COMMENT = """
## {summary}

{description}

**Multi commit ID:** {plan}

Scheduled commits:

{boxes}

_This pull request is filled by several commits of one upload, one after the other. Until it is complete, please do \
not edit this text, change its state or push to it: the upload would not be able to go on._
"""
