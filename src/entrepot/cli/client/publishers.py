"""``entrepot repo publisher``: jobs of continuous integration that may publish without a secret."""

from __future__ import annotations

import click

from entrepot.cli.client.options import HubClient, hub_options, type_option
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import show, show_json
from entrepot.cli.results import json_option, show_result

_HERE = "entrepot.cli.client.publishers"

_COMMANDS = (
    CommandEntry("list", f"{_HERE}:list_publishers", "List the trusted publishers of a repository."),
    CommandEntry("add", f"{_HERE}:add_publisher", "Let jobs of continuous integration publish."),
    CommandEntry("remove", f"{_HERE}:remove_publisher", "Remove a trusted publisher."),
)


@click.group(cls=LazyGroup, entries=_COMMANDS, short_help="Let jobs publish without a secret.")
def publisher() -> None:
    """List, add and remove trusted publishers: jobs that publish without a secret."""


@click.command("list", short_help="List the trusted publishers of a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def list_publishers(client: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """List who may publish in REPO by proof of an issuer.

    \b
    Example:
      entrepot repo publisher list alice/bert
    """
    import msgspec

    from entrepot.client.calls import access
    from entrepot.hf.base import repo_ref

    found = client.hub.send(access.publishers(repo_ref(repo, repo_type)))
    if as_json:
        show_json(msgspec.to_builtins(found))
        return
    for item in found:
        claims = "  ".join(f"{name}={pattern}" for name, pattern in item.claims.items())
        show(f"{item.id}  {item.name}  {item.role} as {item.owner}  {item.issuer}  {claims}")


@click.command("add", short_help="Let jobs of continuous integration publish.")
@click.argument("repo", metavar="REPO")
@type_option
@click.option("--name", metavar="NAME", required=True, help="A name to recognise it by.")
@click.option("--issuer", metavar="URL", required=True, help="The claim 'iss' of its tokens.")
@click.option(
    "--claim",
    "claims",
    metavar="NAME=PATTERN",
    multiple=True,
    required=True,
    help="A claim that must match; may be repeated.",
)
@click.option("--read-only", is_flag=True, help="Allow it to read files only.")
@json_option
@hub_options
def add_publisher(
    client: HubClient,
    repo: str,
    repo_type: str,
    name: str,
    issuer: str,
    claims: tuple[str, ...],
    read_only: bool,
    as_json: bool,
) -> None:
    """Let jobs whose tokens match all claims publish in REPO, with your rights.

    \b
    Example:
      entrepot repo publisher add acme/m --name training \\
        --issuer https://token.actions.githubusercontent.com \\
        --claim repository=acme/train --claim 'ref=refs/heads/main'
    """
    import msgspec

    from entrepot.client.calls import access
    from entrepot.hf.base import repo_ref
    from entrepot.wire.repos.publishers import NewPublisher

    patterns: dict[str, str] = {}
    for text in claims:
        claim, _, pattern = text.partition("=")
        if not claim or not pattern or claim in patterns:
            raise click.UsageError(f"--claim {text!r}: write NAME=PATTERN, each name once")
        patterns[claim] = pattern
    wanted = NewPublisher(
        name=name,
        issuer=issuer,
        claims=patterns,
        role="read" if read_only else "write",
    )
    made = client.hub.send(access.add_publisher(repo_ref(repo, repo_type), wanted))
    show_result(msgspec.to_builtins(made), f"{made.name} may publish in {repo} as {made.owner}", as_json=as_json)


@click.command("remove", short_help="Remove a trusted publisher.")
@click.argument("repo", metavar="REPO")
@click.argument("publisher_id", metavar="ID")
@type_option
@json_option
@hub_options
def remove_publisher(client: HubClient, repo: str, publisher_id: str, repo_type: str, as_json: bool) -> None:
    """Remove the publisher ID of REPO; its access tokens become invalid immediately.

    'entrepot repo publisher list REPO' shows the ids.

    \b
    Example:
      entrepot repo publisher remove alice/bert 6b0c721b13a4b06fefff658d
    """
    from entrepot.client.calls import access
    from entrepot.hf.base import repo_ref

    client.hub.send(access.remove_publisher(repo_ref(repo, repo_type), publisher_id))
    show_result({"repo": repo, "removed": publisher_id}, f"removed {publisher_id}", as_json=as_json)
