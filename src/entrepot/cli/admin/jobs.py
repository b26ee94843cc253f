"""``entrepot admin jobs``: the background jobs of a hub."""

from __future__ import annotations

import json

import click

from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import show_json, show_table
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import folder_options

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
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Only jobs in this state; may be repeated."
)
@click.option(
    "--lane", "lanes", multiple=True, type=click.Choice(_LANES), help="Only jobs of this lane; may be repeated."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of jobs.")
@json_option
@target_options
def list_jobs(target: AdminTarget, states: tuple[str, ...], lanes: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List jobs with their state and the error of the last attempt, newest first.

    \b
    Example:
      entrepot admin jobs list --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import records

    found = target.first(limit, records.list_jobs, calls.list_jobs, states, lanes)
    if as_json:
        show_json([fields_of(job) for job in found])
        return
    show_table(
        ("ID", "LANE", "NAMESPACE", "KIND", "ARGUMENTS", "STATE", "ATTEMPTS", "TURN", "ERROR"),
        [
            (
                str(job.id),
                job.lane,
                str(job.namespace or "-"),
                job.kind,
                json.dumps(job.args),
                job.state,
                str(job.attempts),
                job.run_at,
                " ".join((job.error or "-").split()),
            )
            for job in found
        ],
    )


@jobs.command("retry", short_help="Run a dead or queued job now.")
@click.argument("job_id", metavar="ID", type=click.IntRange(1))
@json_option
@target_options
def retry_job(target: AdminTarget, job_id: int, as_json: bool) -> None:
    """Make a dead or queued job due now; a running hub starts it within two seconds.

    \b
    Example:
      entrepot admin jobs retry 42
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import overviews

    target.run(overviews.retry_job, calls.retry_job, job_id)
    show_result({"retried": job_id}, f"job {job_id} is ready to run", as_json=as_json)


@jobs.command("cancel", short_help="Delete a job that is not running.")
@click.argument("job_id", metavar="ID", type=click.IntRange(1))
@json_option
@target_options
def cancel_job(target: AdminTarget, job_id: int, as_json: bool) -> None:
    """Delete a job that is not running; its work is not done.

    \b
    Example:
      entrepot admin jobs cancel 42
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import overviews

    target.run(overviews.cancel_job, calls.cancel_job, job_id)
    show_result({"cancelled": job_id}, f"job {job_id} is cancelled", as_json=as_json)
