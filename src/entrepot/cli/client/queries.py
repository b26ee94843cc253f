"""``entrepot sql``: a query over the tables of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.client.options import HubClient, hub_options
from entrepot.cli.reports import counted, show_json, show_message, show_table
from entrepot.cli.results import json_option
from entrepot.wire.texts import one_line

if TYPE_CHECKING:
    from entrepot.wire.files.queries import QueryTarget


_MAX_CELL = 200


@click.command(short_help="Query the tables of a dataset at any revision.")
@click.argument("repo", metavar="REPO[@REV]")
@click.argument("query", metavar="SELECT")
@click.option("--with", "others", metavar="NAME=[REPO][@REV]", multiple=True, help="Further tables, as NAME.train.")
@click.option(
    "--limit",
    metavar="N",
    default=100,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Maximum number of rows.",
)
@json_option
@hub_options
def sql(client: HubClient, repo: str, query: str, others: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Run one SELECT over the splits of REPO; the hub runs it.

    Tables are the splits: train, test, or "config.train". REPO is a dataset, or models/NAME.

    \b
    Examples:
      entrepot sql alice/imdb "select label, count(*) from train group by label"
      entrepot sql alice/imdb@v2 --with old=@v1 "select * from train except select * from old.train"
    """
    from entrepot.client.calls import queries
    from entrepot.wire.files.queries import QueryRequest

    target = _target(repo)
    if not target.dataset:
        raise click.UsageError("REPO is missing before '@'")
    more = {}
    for text in others:
        name, equals, rest = text.partition("=")
        if not equals or name in more:
            raise click.UsageError(f"--with {text!r}: write NAME=REPO, NAME=REPO@REV or NAME=@REV, each name once")
        more[name] = _target(rest)
    wanted = QueryRequest(
        dataset=target.dataset, type=target.type, revision=target.revision, sql=query, others=more, limit=limit
    )
    found = client.hub.send(queries.run(wanted))
    if as_json:
        import msgspec

        show_json(msgspec.to_builtins(found))
        return
    names = [feature.name for feature in found.features]
    show_table(names, [[_shown(row.get(name)) for name in names] for row in found.rows])
    if found.partial:
        show_message(f"… (only the first {counted(len(found.rows), 'row')}; use LIMIT, or a larger --limit)")


def _target(text: str) -> QueryTarget:
    from entrepot.hf.base import repo_ref
    from entrepot.wire.files.queries import QueryTarget

    name, _, revision = text.partition("@")
    if not name:
        return QueryTarget(revision=revision or "main")
    kind = {"models": "model", "spaces": "space"}.get(name.partition("/")[0], "dataset")
    ref = repo_ref(name.removeprefix(f"{kind}s/"), kind)
    return QueryTarget(dataset=str(ref.id), type=ref.type.value, revision=revision or "main")


def _shown(value: object) -> str:
    """Return a cell on one line."""
    import json

    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _MAX_CELL)
