"""``entrepot notifications``: the notifications of a user."""

from __future__ import annotations

import click

from entrepot.cli.client.options import HubClient, hub_options, type_option
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import show_json, show_message, show_table
from entrepot.cli.results import json_option, show_result

_HERE = "entrepot.cli.client.notifications"
_MAX_LIMIT = 100
_LEVELS = ("all", "participating", "none")

_COMMANDS = (
    CommandEntry("list", f"{_HERE}:list_notifications", "List your unread notifications."),
    CommandEntry("read", f"{_HERE}:mark_read", "Mark notifications as read."),
    CommandEntry("subscriptions", f"{_HERE}:list_subscriptions", "List your choices about notifications."),
    CommandEntry("subscribe", f"{_HERE}:subscribe", "Choose the notifications about a repository."),
)


@click.group(cls=LazyGroup, entries=_COMMANDS, short_help="List your notifications, and mark them as read.")
def notifications() -> None:
    """List your notifications on the hub, and mark them as read.

    \b
    Examples:
      entrepot notifications list
      entrepot notifications read --all
    """


@click.command("list", short_help="List your unread notifications.")
@click.option("--all", "shows_all", is_flag=True, help="Also list those that you have read.")
@click.option(
    "--limit",
    metavar="N",
    default=50,
    show_default=True,
    type=click.IntRange(1, _MAX_LIMIT),
    help="Maximum number of notifications.",
)
@json_option
@hub_options
def list_notifications(client: HubClient, shows_all: bool, limit: int, as_json: bool) -> None:
    """List your unread notifications, newest first.

    \b
    Examples:
      entrepot notifications list
      entrepot notifications list --all --limit 100 --json
    """
    import msgspec

    from entrepot.client.calls import notifications as calls
    from entrepot.wire.texts import one_line

    found = client.hub.send(calls.listing(shows_all=shows_all, limit=limit))
    if as_json:
        show_json(msgspec.to_builtins(found.notifications))
        return
    rows: list[tuple[str, ...]] = []
    for item in found.notifications:
        about = "" if item.repo is None else item.repo.name
        title = item.text
        if item.discussion is not None:
            about, title = f"{about} #{item.discussion.num}", f"{item.discussion.title}: {item.text}"
        state = ("read" if item.read else "new",) if shows_all else ()
        rows.append((item.id, item.updated_at, *state, one_line(about, 200), one_line(title, 300)))
    show_table(("ID", "TIME", *(("STATE",) if shows_all else ()), "ABOUT", "WHAT"), rows)
    if not found.notifications:
        show_message("nothing is new")


@click.command("subscriptions", short_help="List your choices about notifications.")
@json_option
@hub_options
def list_subscriptions(client: HubClient, as_json: bool) -> None:
    """List the repositories that you watch or silence, and the discussions that you have muted.

    For all others the default applies: you are notified about discussions that you take part in or are
    mentioned in, and about everything in repositories that you own or have created.

    \b
    Examples:
      entrepot notifications subscriptions
      entrepot notifications subscriptions --json
    """
    import msgspec

    from entrepot.client.calls import notifications as calls
    from entrepot.wire.texts import one_line

    found = list(client.hub.pages(calls.subscriptions()))
    if as_json:
        show_json(msgspec.to_builtins(found))
        return
    show_table(
        ("REPOSITORY", "TYPE", "DISCUSSION", "LEVEL"),
        [
            (
                item.repo.name,
                item.repo.type,
                "-" if item.discussion is None else one_line(f"#{item.discussion.num} {item.discussion.title}", 200),
                item.level,
            )
            for item in found
        ],
    )
    if not found:
        show_message("no choices: the default applies everywhere")


@click.command("subscribe", short_help="Choose the notifications about a repository.")
@click.argument("repo")
@click.argument("level", type=click.Choice(_LEVELS))
@click.option(
    "--discussion", "num", metavar="N", type=click.IntRange(1), help="Mute (none) or unmute (all) only this discussion."
)
@type_option
@json_option
@hub_options
def subscribe(client: HubClient, repo: str, level: str, num: int | None, repo_type: str, as_json: bool) -> None:
    """Choose the notifications about REPO that you get: all, participating or none.

    'participating' means discussions that you take part in or are mentioned in; it is the default, except
    for repositories that you own or have created, where it is 'all'. With --discussion, 'none' mutes a
    discussion and 'all' unmutes it.

    \b
    Examples:
      entrepot notifications subscribe acme/bert all
      entrepot notifications subscribe acme/squad none --repo-type dataset --discussion 12
    """
    from entrepot.client.calls import notifications as calls
    from entrepot.names import RepoRef, RepoType, parse_repo_id

    if num is not None and level == "participating":
        raise click.UsageError("with --discussion, LEVEL must be none (mute) or all (unmute)")
    ref = RepoRef(RepoType(repo_type), parse_repo_id(repo))
    client.hub.send(calls.choose(ref, level, num))
    row = {"repo": str(ref.id), "type": ref.type.value, "discussion": num, "level": level}
    about = f"{ref.id}{'' if num is None else f' #{num}'}"
    show_result(row, f"notifications about {about}: {level}", as_json=as_json)


@click.command("read", short_help="Mark notifications as read.")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "marks_all", is_flag=True, help="Mark all notifications.")
@json_option
@hub_options
def mark_read(client: HubClient, ids: tuple[str, ...], marks_all: bool, as_json: bool) -> None:
    """Mark the notifications with these IDs, or --all, as read.

    'entrepot notifications list' shows the ids.

    \b
    Examples:
      entrepot notifications read 6b0c721b13a4b06fefff658d
      entrepot notifications read --all
    """
    from entrepot.client.calls import notifications as calls

    if bool(ids) == marks_all:
        raise click.UsageError("name the IDs of notifications, or use --all")
    changed = client.hub.send(calls.mark_read(None if marks_all else ids)).changed
    show_result(
        {"changed": changed}, f"marked {changed} notification{'' if changed == 1 else 's'} as read", as_json=as_json
    )
