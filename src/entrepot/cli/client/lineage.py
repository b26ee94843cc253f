"""``entrepot lineage``: what a repository was made from, and what was made from it."""

from __future__ import annotations

import click

from entrepot.cli.client.options import HubClient, hub_options, revision_option, type_option
from entrepot.cli.reports import show, show_json, show_message, show_text
from entrepot.cli.results import json_option, show_result


@click.command(short_help="Show what a repository was made from, and its uses.")
@click.argument("repo", metavar="REPO")
@type_option
@revision_option
@click.option("--up", "direction", flag_value="up", help="Show only what it was made from.")
@click.option("--down", "direction", flag_value="down", help="Show only what was made from it.")
@click.option(
    "--depth",
    metavar="N",
    default=3,
    show_default=True,
    type=click.IntRange(1, 20),
    help="Maximum number of steps from REPO.",
)
@click.option("--dot", "form", flag_value="dot", help="Print a drawing for Graphviz.")
@click.option("--prov", "form", flag_value="prov", help="Print PROV-JSON.")
@click.option("--add", "sources", metavar="SOURCE[@COMMIT]", multiple=True, help="Record a source of --revision.")
@click.option("--kind", metavar="KIND", default="", help="With --add: trained_on, derived_from, evaluated_on, …")
@json_option
@hub_options
def lineage(
    client: HubClient,
    repo: str,
    repo_type: str,
    revision: str | None,
    direction: str | None,
    depth: int,
    form: str | None,
    sources: tuple[str, ...],
    kind: str,
    as_json: bool,
) -> None:
    """Show what REPO was made from, and what was made from it.

    \b
    Examples:
      entrepot lineage alice/bert
      entrepot lineage alice/imdb --type dataset --down
      entrepot lineage alice/bert --add datasets/alice/imdb@a1b2c3d4e5f60718293a4b5c6d7e8f9012345678
      entrepot lineage alice/bert --dot | dot -Tsvg > lineage.svg
    """
    from entrepot.client.calls import lineage as calls
    from entrepot.hf.base import repo_ref
    from entrepot.wire.repos.lineage import NewLineageInput

    ref, wanted = repo_ref(repo, repo_type), direction or "both"
    if sources:
        parts = [source.partition("@") for source in sources]
        inputs = [NewLineageInput(source=name, kind=kind, commit=commit) for name, _, commit in parts]
        added = client.hub.send(calls.add(ref, inputs, revision=revision or "main")).added
        show_result({"repo": str(ref.id), "added": added}, f"recorded {added} source(s) of {ref.id}", as_json=as_json)
        return
    if form is not None:
        text = client.hub.send(calls.export(ref, form, revision=revision, direction=wanted, depth=depth))
        show_text(text)
        return
    graph = client.hub.send(calls.show(ref, revision=revision, direction=wanted, depth=depth))
    if as_json:
        import msgspec

        show_json(msgspec.to_builtins(graph))
        return
    if not graph.edges:
        show_message(f"nothing is recorded about {ref.id}; --add records a source")
    missing = {node.path for node in graph.nodes if not node.exists}
    for edge in graph.edges:
        source = f"{edge.source}@{edge.source_commit[:10]}" if edge.source_commit else edge.source
        run = f"  run {edge.run}" if edge.run else ""
        note = "  not on this hub, or not for you" if edge.source in missing else ""
        if edge.inferred:
            share = f"{edge.share:.0%} of the result"
            show(f"{edge.result}  {edge.kind}  {edge.source}  (inferred: {share}, no one has stated it)")
            continue
        show(f"{edge.result}@{edge.commit[:10]}  {edge.kind}  {source}  ({edge.origin}){run}{note}")
    if not graph.is_complete:
        show("… (more edges; use a smaller --depth)")
