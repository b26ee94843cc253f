"""``entrepot admin audit``: the log of changes of access, visibility and tokens, and of deletions."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import click

from entrepot.cli.admin.targets import AdminTarget, Function, fields_of, target_options
from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import counted, show, show_json, show_message, show_table
from entrepot.cli.results import json_option
from entrepot.cli.sessions import folder_options

if TYPE_CHECKING:
    from entrepot.wire.audits import AuditEntry, AuditQuery, AuditVerdict, OrgAuditEntry


@click.group(cls=LazyGroup, short_help="List and verify the audit log.")
@folder_options
def audit() -> None:
    """List and verify the audit log: changes of access, visibility and tokens, and deletions.

    \b
    Examples:
      entrepot admin audit list --actor alice --since 2030-01-31
      entrepot admin audit verify
    """


def _filter_options(command: Function) -> Function:
    """Add the options that choose entries; the command gets them as ``query``, and ``limit``."""

    @functools.wraps(command)
    def with_query(
        *args: object,
        actor: str | None,
        action: str | None,
        subject: str | None,
        since: str | None,
        until: str | None,
        **kwargs: object,
    ) -> object:
        from entrepot.wire.audits import AuditQuery

        query = AuditQuery(actor=actor, action=action, subject=subject, since=since, until=until)
        return command(*args, query=query, **kwargs)

    options = (
        click.option(
            "--actor", help="Only changes made by this account; '(console)' is the command line on the data folder."
        ),
        click.option("--action", help="Only this action, such as repo.delete."),
        click.option("--subject", help="Only changes of this subject, such as 'model alice/gpt'."),
        click.option("--since", metavar="TIME", help="Not before this time (UTC), such as 2030-01-31."),
        click.option("--until", metavar="TIME", help="Before this time (UTC)."),
        click.option(
            "--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of entries."
        ),
    )
    return cast(Function, functools.reduce(lambda made, option: option(made), reversed(options), with_query))


@audit.command("list", short_help="List entries, newest first.")
@_filter_options
@json_option
@target_options
def list_rows(target: AdminTarget, query: AuditQuery, limit: int, as_json: bool) -> None:
    """List changes and their authors, newest first.

    \b
    Examples:
      entrepot admin audit list --actor alice --since 2030-01-31
      entrepot admin audit list --subject "model acme/m" --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import records

    rows = target.first(limit, records.list_audit, calls.list_audit, query)
    _show_rows(rows, as_json=as_json)


@click.command("audit", short_help="List the changes of an organisation, newest first.")
@click.argument("org")
@_filter_options
@json_option
@target_options
def list_of_org(target: AdminTarget, org: str, query: AuditQuery, limit: int, as_json: bool) -> None:
    """List the changes of ORG and of what belonged to it, and their authors, newest first.

    With --endpoint, administrators of the organisation may do this too.

    \b
    Examples:
      entrepot admin orgs audit acme --action member.join
      entrepot admin orgs audit acme --endpoint https://hub.example.org --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import records

    rows = target.first(limit, records.list_org_audit, calls.list_org_audit, org, query)
    _show_rows(rows, as_json=as_json)


@audit.command("verify", short_help="Check that no entry was changed or removed.")
@click.option("--expect", metavar="HEAD", help="A head printed by an earlier run and kept elsewhere.")
@json_option
@target_options
@click.pass_context
def verify(context: click.Context, target: AdminTarget, expect: str | None, as_json: bool) -> None:
    """Check that no entry was changed or removed; exit code 1 if one was.

    Prints the head of the chain. Keep it elsewhere: a later run with
    --expect HEAD detects that the whole log was rewritten.

    \b
    Example:
      entrepot admin audit verify >> /mnt/elsewhere/heads
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.jobs import records

    verdict = target.run(records.verify_audit, calls.verify_audit, expect)
    is_fine = verdict.is_intact and verdict.knows_expected
    if as_json:
        show_json({"intact": is_fine, "rows": verdict.rows, "broken_at": verdict.broken_at, "head": verdict.head})
    else:
        show(verdict.head)
        show_message(f"{counted(verdict.rows, 'row')}, nothing changed" if is_fine else _complaint(verdict))
    context.exit(0 if is_fine else 1)


def _complaint(verdict: AuditVerdict) -> str:
    if verdict.broken_at is not None:
        return f"error: the log was changed: row {verdict.broken_at} does not fit those before it"
    if not verdict.is_intact:
        return "error: the log was changed: rows are missing at its end"
    return "error: the log was rewritten: the expected head is not in its chain"


def _show_rows(rows: Sequence[AuditEntry | OrgAuditEntry], *, as_json: bool) -> None:
    if as_json:
        show_json([fields_of(row) for row in rows])
        return
    show_table(
        ("ID", "TIME", "ACTOR", "ACTION", "SUBJECT", "DETAILS"),
        [(str(row.id), row.at, row.actor, row.action, row.subject, _details(row)) for row in rows],
    )


def _details(row: AuditEntry | OrgAuditEntry) -> str:
    return json.dumps(row.details, sort_keys=True, separators=(",", ":"))
