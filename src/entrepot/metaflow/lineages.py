"""The inputs and outputs of runs: on the hub as trailers of commits, in Metaflow as metadata of tasks.

The description of a commit that a task pushed ends in these lines, each in the
form of a git trailer:

    Metaflow-Task: Train/17/start/1
    Metaflow-Attempt: 0
    Metaflow-User: alice
    Metaflow-Origin-Run: 12                                     only in a run that resumes another one
    Hub-Read: hub/models/demo/bert@<commit>                     one line for each thing the task had read

The metadata of a task is named ``hub-lineage``: ``{"read": [key, ...], "made": [key, ...]}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from entrepot.client.calls import refs
from entrepot.client.downloads.aliases import find
from entrepot.client.hubs import connect
from entrepot.errors import InvalidArgument, ThingNotFound
from entrepot.metaflow.sessions import TaskFacts
from entrepot.metaflow.specs import parse_repo

if TYPE_CHECKING:
    from entrepot.wire.repos.histories import LogEntry

FIELD, FIELD_TYPE = "hub-lineage", "hub"
"""Name and type of the metadata of a task."""

MAX_READS = 200
"""Lines of what a task had read, in one commit."""

_TRAILER = re.compile(r"([A-Za-z][A-Za-z-]*): (\S.*)")


@attrs.frozen
class TaskLineage:
    """The inputs and outputs of one task, as keys."""

    task: str
    read: tuple[str, ...]
    made: tuple[str, ...]


@attrs.frozen
class RunLineage:
    """The inputs and outputs of a run, as keys, each once; ``tasks`` has the details."""

    run: str
    read: tuple[str, ...]
    made: tuple[str, ...]
    tasks: tuple[TaskLineage, ...]


@attrs.frozen
class PushedCommit:
    """A commit that a task pushed; ``read`` are the keys of what the task had read."""

    commit: str
    title: str
    date: str
    task: str
    attempt: int | None
    user: str | None
    origin_run: str | None
    read: tuple[str, ...]


def trailers(facts: TaskFacts, read: Iterable[str] = ()) -> str:
    """Return the description of a commit that a task pushes."""
    lines = [f"Metaflow-Task: {facts.pathspec}", f"Metaflow-Attempt: {facts.attempt}"]
    if facts.user:
        lines.append(f"Metaflow-User: {' '.join(facts.user.split())}")
    if facts.origin_run:
        lines.append(f"Metaflow-Origin-Run: {facts.origin_run}")
    lines += [f"Hub-Read: {key}" for key in list(read)[:MAX_READS]]
    return "\n".join(lines)


def parse_trailers(message: str) -> dict[str, list[str]]:
    """Return the trailers of a commit message: its last paragraph, if all lines of it are trailers."""
    paragraph = re.split(r"\n\s*\n", message.strip())[-1]
    found: dict[str, list[str]] = {}
    for line in paragraph.splitlines():
        trailer = _TRAILER.fullmatch(line.strip())
        if trailer is None:
            return {}
        found.setdefault(trailer[1].lower(), []).append(trailer[2])
    return found


def runs_of(
    repo_id: str,
    *,
    repo_type: str | None = None,
    revision: str | None = None,
    endpoint: str | None = None,
    token: str | bool | None = None,
) -> list[PushedCommit]:
    """Return the commits of a repository that tasks of Metaflow pushed, newest first.

    Args:
        revision: branch, tag or commit; None is main.

    Raises:
        RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
    """
    ref, written = parse_repo(repo_id, repo_type)
    hub = connect(endpoint, token)
    call = refs.log(find(hub, ref), revision or written or "main", limit=1000)
    return [pushed for entry in hub.pages(call) if (pushed := _pushed(entry)) is not None]


def _pushed(entry: LogEntry) -> PushedCommit | None:
    found = parse_trailers(entry.message)
    if "metaflow-task" not in found:
        return None
    attempt = found.get("metaflow-attempt", [""])[0]
    return PushedCommit(
        entry.id,
        entry.title,
        entry.date,
        found["metaflow-task"][0],
        int(attempt) if attempt.isdecimal() else None,
        found.get("metaflow-user", [None])[0],
        found.get("metaflow-origin-run", [None])[0],
        tuple(found.get("hub-read", ())),
    )


def lineage(pathspec: str) -> RunLineage:
    """Return the inputs and outputs on hubs of a run of Metaflow (``Flow/123``), or of one task of it.

    The metadata of Metaflow is read, whatever its namespace. In a run that resumed
    another one, the cloned tasks count with what they did in that run.

    Raises:
        InvalidArgument: the text is not the name of a run or task.
        ThingNotFound: the run or task does not exist.
    """
    parts = pathspec.split("/")
    if len(parts) not in (2, 4) or not all(parts):
        raise InvalidArgument("expected a run such as 'Train/17', or a task such as 'Train/17/start/1'")
    tasks = tuple(_of_tasks(pathspec, is_run=len(parts) == 2))
    read = dict.fromkeys(key for task in tasks for key in task.read)
    made = dict.fromkeys(key for task in tasks for key in task.made)
    return RunLineage("/".join(parts[:2]), tuple(read), tuple(made), tasks)


def _of_tasks(pathspec: str, *, is_run: bool) -> Iterator[TaskLineage]:
    from metaflow.exception import MetaflowNotFound

    import metaflow

    try:
        if is_run:
            run = metaflow.Run(pathspec, _namespace_check=False)
            tasks = [task for step in run for task in step]
        else:
            tasks = [metaflow.Task(pathspec, _namespace_check=False)]
    except MetaflowNotFound as error:
        raise ThingNotFound("run or task", pathspec) from error
    for task in reversed(tasks):  # Metaflow lists the newest first
        values = _values(task)
        if not values and task.origin_pathspec:
            values = _values(metaflow.Task(task.origin_pathspec, _namespace_check=False))
        read = tuple(dict.fromkeys(key for value in values for key in value["read"]))
        made = tuple(dict.fromkeys(key for value in values for key in value["made"]))
        if read or made:
            yield TaskLineage(task.pathspec, read, made)


def _values(task: object) -> list[dict[str, list[str]]]:
    """Return the records of all attempts of a task."""
    metadata = getattr(task, "metadata", ())
    return [json.loads(datum.value) for datum in metadata if datum.name == FIELD]
