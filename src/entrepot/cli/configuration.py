"""``entrepot config``: the effective settings and their sources."""

from __future__ import annotations

import click

from entrepot.cli.reports import show, show_json, show_table
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.settings import SETTINGS, Loaded


@click.command(short_help="Show the effective settings and their sources.")
@folder_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: each setting with value and source.")
@click.option("--docs", is_flag=True, help="Print a Markdown table that explains every setting instead.")
@pass_session
def config(session: Session, as_json: bool, docs: bool) -> None:
    """Show the effective settings and their sources.

    In order of precedence: options of 'entrepot serve', ENTREPOT_* variables,
    the TOML file, defaults. Nothing is opened or changed.

    \b
    Examples:
      entrepot config
      ENTREPOT_PORT=9000 entrepot config --json
    """
    if docs:
        _show_docs()
        return
    loaded = session.load()
    if as_json:
        _show_json(loaded)
        return
    rows = [
        (row.name, row.reading.render(getattr(loaded.settings, row.name)) or "-", loaded.sources[row.name])
        for row in SETTINGS
    ]
    show_table(("SETTING", "VALUE", "SOURCE"), rows)


def _show_json(loaded: Loaded) -> None:
    values = {row.name: getattr(loaded.settings, row.name) for row in SETTINGS}
    masked = {row.name: row.reading.render(values[row.name]) for row in SETTINGS if row.reading.is_secret}
    plain = values | masked | {"data": str(loaded.settings.data)}
    show_json({name: {"value": value, "source": loaded.sources[name]} for name, value in plain.items()})


def _show_docs() -> None:
    show("| name | what may be written | default | meaning |")
    show("|---|---|---|---|")
    for row in SETTINGS:
        default = f"`{row.default}`" if row.default else ""
        show(f"| `{row.name}` | {row.values} | {default} | {row.sentence} |")
