"""``entrepot admin jobs``: the background jobs of a hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import render_time, show_json, show_table
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.wire.times import format_ms

if TYPE_CHECKING:
    from entrepot.hub.jobs.handlers import Job

_STATES = ("ready", "running", "done", "dead")
_LANES = ("interactive", "heavy", "outbound", "maintenance")


@click.group(cls=LazyGroup, short_help="List, retry and cancel background jobs.")
@folder_options
def jobs() -> None:
    """List, retry and cancel background jobs.

    A job is 'ready' (queued), 'running', 'done', or 'dead': it failed eight
    times and is not retried automatically. Each job belongs to a lane
    (interactive, heavy, outbound or maintenance) with its own threads, and to
    a namespace (shown as a number); a lane serves its namespaces in rotation.

    \b
    Examples:
      entrepot admin jobs list --state dead
      entrepot admin jobs retry 17
    """


@jobs.command("list", short_help="List jobs, newest first.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; may be repeated.")
@click.option("--lane", "lanes", multiple=True, type=click.Choice(_LANES), help="Only these; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of jobs.")
@json_option
@folder_options
@pass_session
def list_jobs(session: Session, states: tuple[str, ...], lanes: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List jobs with their state and the error of the last attempt, newest first."""
    from entrepot.hub.jobs import handlers

    with session.opened_hub() as hub:
        found = handlers.list_jobs(hub, states=states or _STATES, lanes=lanes or _LANES, limit=limit)
    if as_json:
        show_json([_row(job) for job in found])
        return
    show_table(
        ("ID", "LANE", "NAMESPACE", "KIND", "ARGUMENTS", "STATE", "ATTEMPTS", "TURN", "ERROR"),
        [
            (
                str(job.id),
                job.lane,
                str(job.namespace_id or "-"),
                job.kind,
                json.dumps(dict(job.args)),
                job.state,
                str(job.attempts),
                format_ms(job.run_ms),
                " ".join((job.error or "-").split()),
            )
            for job in found
        ],
    )


@jobs.command("retry", short_help="Run a dead or queued job now.")
@click.argument("job_id", metavar="ID", type=click.IntRange(1))
@json_option
@folder_options
@pass_session
def retry_job(session: Session, job_id: int, as_json: bool) -> None:
    """Make a dead or queued job due now; a running hub starts it within two seconds."""
    from entrepot.hub.jobs import handlers

    with session.opened_hub() as hub:
        handlers.retry(hub, job_id)
    show_result({"retried": job_id}, f"job {job_id} is ready to run", as_json=as_json)


@jobs.command("cancel", short_help="Delete a job that is not running.")
@click.argument("job_id", metavar="ID", type=click.IntRange(1))
@json_option
@folder_options
@pass_session
def cancel_job(session: Session, job_id: int, as_json: bool) -> None:
    """Delete a job that is not running; its work is not done."""
    from entrepot.hub.jobs import handlers

    with session.opened_hub() as hub:
        handlers.cancel(hub, job_id)
    show_result({"cancelled": job_id}, f"job {job_id} is cancelled", as_json=as_json)


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "lane": job.lane,
        "namespace": job.namespace_id or None,
        "kind": job.kind,
        "args": dict(job.args),
        "state": job.state,
        "attempts": job.attempts,
        "run_at": render_time(job.run_ms),
        "error": job.error,
        "created_at": render_time(job.created_ms),
    }
